import NIOCore
import WeirRESP

/// As whom commands are run, on which database, and in which version they are answered: what clients must have in common to share a
/// connection.
struct RedisIdentity: Hashable {
    struct Login: Hashable {
        /// Nil for the default user, as `AUTH` with a password alone means it.
        var user: ByteBuffer?
        var password: ByteBuffer
    }

    /// Nil: nobody has logged in.
    var login: Login?
    var database = 0
    var version = RESPVersion.resp2
}

extension RedisIdentity {
    /// What a connection of another identity has to be told to have this one, in its order; nil if no command leads there.
    func commands(from other: RedisIdentity) -> [[ByteBuffer]]? {
        var commands: [[ByteBuffer]] = []
        if self.login != other.login {
            guard let login = self.login else { return nil }
            commands.append([ByteBuffer(string: "AUTH")] + (login.user.map { [$0] } ?? []) + [login.password])
        }
        if self.version != other.version {
            commands.append([ByteBuffer(string: "HELLO"), ByteBuffer(string: self.version == .resp3 ? "3" : "2")])
        }
        if self.database != other.database {
            commands.append([ByteBuffer(string: "SELECT"), ByteBuffer(string: String(self.database))])
        }
        return commands
    }
}

/// Gives a connection an identity.
///
/// - Parameter whenDone: called once, at once if nothing has to be said; with the server's error as it sent it, or nil when the connection
///   was lost: the connection is of no use then.
func dress(
    _ connection: RedisConnection, as identity: RedisIdentity, deadline: NIODeadline,
    _ whenDone: @escaping (Result<Void, RedisDressingError>) -> Void
) {
    guard let commands = identity.commands(from: connection.identity) else { return whenDone(.failure(RedisDressingError(reply: nil))) }
    if commands.isEmpty { return whenDone(.success(())) }
    var refusal: ByteBuffer?
    for (index, parts) in commands.enumerated() {
        // By its parts and not as a command that is known: the connection belongs to nobody else who would have to be told.
        _ = connection.send(
            RedisRequest("", .many(parts)), deadline: deadline,
            .closure { result in
                guard case .success(let reply) = result else {
                    if index == commands.count - 1 { whenDone(.failure(RedisDressingError(reply: refusal))) }
                    return
                }
                if reply.isError, refusal == nil { refusal = ByteBuffer(bytes: reply.bytes.readableBytesView) }
                guard index == commands.count - 1 else { return }
                if let refusal { return whenDone(.failure(RedisDressingError(reply: refusal))) }
                connection.identity = identity
                whenDone(.success(()))
            })
    }
}

struct RedisDressingError: Error {
    /// What the server answered.
    let reply: ByteBuffer?
}
