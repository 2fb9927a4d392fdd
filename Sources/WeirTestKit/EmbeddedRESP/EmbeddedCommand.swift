import NIOCore
import WeirRESP

/// A command of the ``EmbeddedRESPServer``: its name, how many arguments it takes, and what it does.
struct EmbeddedCommand: Sendable {
    typealias Body = @Sendable (_ arguments: EmbeddedArguments, _ connection: EmbeddedRESPConnection) -> Void

    /// Arguments, the name included; a negative number means at least so many, as Redis counts.
    let arity: Int
    /// True if it is answered before `AUTH`.
    let needsNoAuthentication: Bool
    let body: Body

    init(_ arity: Int, needsNoAuthentication: Bool = false, _ body: @escaping Body) {
        self.arity = arity
        self.needsNoAuthentication = needsNoAuthentication
        self.body = body
    }

    private func accepts(count: Int) -> Bool { self.arity >= 0 ? count == self.arity : count >= -self.arity }

    /// Runs one command of a client; its one reply is appended to the connection's.
    static func run(_ arguments: [ByteBuffer], on connection: EmbeddedRESPConnection) {
        let name = String(buffer: arguments[0]).lowercased()
        guard let command = self.table[name] else {
            connection.error(self.unknownCommand(arguments))
            return
        }
        guard command.accepts(count: arguments.count) else {
            connection.error("ERR wrong number of arguments for '\(name)' command")
            return
        }
        guard connection.isAuthenticated || command.needsNoAuthentication else {
            connection.error("NOAUTH Authentication required.")
            return
        }
        command.body(EmbeddedArguments(name: name, all: arguments, now: connection.core.loop.now), connection)
    }

    /// As Redis words it: the name and the beginning of the arguments, cut at 128 bytes.
    private static func unknownCommand(_ arguments: [ByteBuffer]) -> String {
        var beginning = ""
        for argument in arguments.dropFirst() {
            guard beginning.utf8.count < 128 else { break }
            beginning += "'\(String(String(buffer: argument).prefix(128 - beginning.utf8.count)))' "
        }
        return "ERR unknown command '\(String(buffer: arguments[0]).prefix(128))', with args beginning with: \(beginning)"
    }

    private static let table: [String: EmbeddedCommand] = EmbeddedCommand.connectionCommands
        .merging(EmbeddedCommand.stringCommands) { first, _ in first }
        .merging(EmbeddedCommand.keyCommands) { first, _ in first }
}

/// The arguments of one command.
struct EmbeddedArguments {
    /// The command's name in lower case.
    let name: String
    /// Everything, the name first.
    let all: [ByteBuffer]
    /// The time at which the command runs.
    let now: NIODeadline

    var count: Int { self.all.count }
    subscript(index: Int) -> ByteBuffer { self.all[index] }

    /// The argument in upper case: options are words.
    func word(_ index: Int) -> String { String(buffer: self.all[index]).uppercased() }

    /// The argument as Redis reads integers: no sign but a minus, no leading zero, no space.
    func integer(_ index: Int) -> Int? { Self.integer(self.all[index]) }

    static func integer(_ bytes: ByteBuffer) -> Int? {
        guard bytes.readableBytes <= 20 else { return nil }
        let text = String(buffer: bytes)
        guard let integer = Int(text), String(integer) == text else { return nil }
        return integer
    }
}
