import NIOCore
import WeirRESP

/// A command with its arguments. Values are sent with their length, so any byte may be in them.
public struct RedisCommand: Sendable {
    private enum Storage {
        case ping
        case get(ByteBuffer)
        case set(ByteBuffer, ByteBuffer)
        case setExpiring(ByteBuffer, ByteBuffer, milliseconds: Int64)
        case delete(ByteBuffer)
        case parts([ByteBuffer])
    }

    private let storage: Storage

    /// `PING`.
    public static var ping: RedisCommand { RedisCommand(storage: .ping) }

    /// `GET key`: a bulk string or null.
    public static func get(_ key: ByteBuffer) -> RedisCommand { RedisCommand(storage: .get(key)) }

    /// `SET key value`, with `PX` if it is to expire: `OK`.
    /// - Parameter expiry: rounded up to milliseconds, at least one.
    public static func set(_ key: ByteBuffer, to value: ByteBuffer, expiry: TimeAmount? = nil) -> RedisCommand {
        guard let expiry else { return RedisCommand(storage: .set(key, value)) }
        let milliseconds = max(1, (expiry.nanoseconds / 1_000_000) + (expiry.nanoseconds % 1_000_000 > 0 ? 1 : 0))
        return RedisCommand(storage: .setExpiring(key, value, milliseconds: milliseconds))
    }

    /// `DEL key`: how many keys were there.
    public static func delete(_ key: ByteBuffer) -> RedisCommand { RedisCommand(storage: .delete(key)) }

    /// Any command, its name first.
    ///
    /// Not for commands that change the connection for those after it (`SELECT`, `MULTI`, `SUBSCRIBE`, `CLIENT REPLY`, …) unless
    /// the connection's lease is discarded afterwards.
    /// - Precondition: there is at least one part.
    public static func parts(_ parts: [ByteBuffer]) -> RedisCommand {
        precondition(!parts.isEmpty, "a command has a name")
        return RedisCommand(storage: .parts(parts))
    }

    /// Appends the command as it goes over the wire.
    func encode(into buffer: inout ByteBuffer) {
        switch self.storage {
        case .ping:
            buffer.writeStaticString("*1\r\n$4\r\nPING\r\n")
        case .get(let key):
            buffer.writeStaticString("*2\r\n$3\r\nGET\r\n")
            buffer.writeRESPBulkString(key)
        case .set(let key, let value):
            buffer.writeStaticString("*3\r\n$3\r\nSET\r\n")
            buffer.writeRESPBulkString(key)
            buffer.writeRESPBulkString(value)
        case .setExpiring(let key, let value, let milliseconds):
            buffer.writeStaticString("*5\r\n$3\r\nSET\r\n")
            buffer.writeRESPBulkString(key)
            buffer.writeRESPBulkString(value)
            buffer.writeStaticString("$2\r\nPX\r\n")
            buffer.writeRESPBulkString(String(milliseconds))
        case .delete(let key):
            buffer.writeStaticString("*2\r\n$3\r\nDEL\r\n")
            buffer.writeRESPBulkString(key)
        case .parts(let parts):
            buffer.writeRESPCommand(parts: parts)
        }
    }
}
