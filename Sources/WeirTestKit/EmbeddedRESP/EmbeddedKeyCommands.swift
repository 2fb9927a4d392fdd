import NIOCore
import WeirRESP

/// Commands about keys: there and not there, and for how long.
extension EmbeddedCommand {
    static var keyCommands: [String: EmbeddedCommand] {
        [
            "del": EmbeddedCommand(-2) { arguments, connection in self.delete(arguments, connection) },
            "unlink": EmbeddedCommand(-2) { arguments, connection in self.delete(arguments, connection) },
            "exists": EmbeddedCommand(-2) { arguments, connection in
                connection.integer(
                    arguments.all.dropFirst().count { connection.core.store.value($0, now: arguments.now) != nil })
            },
            "type": EmbeddedCommand(2) { arguments, connection in
                connection.simple(connection.core.store.value(arguments[1], now: arguments.now) == nil ? "none" : "string")
            },
            "expire": EmbeddedCommand(-3) { arguments, connection in self.expire(arguments, connection, unit: .seconds(1)) },
            "pexpire": EmbeddedCommand(-3) { arguments, connection in self.expire(arguments, connection, unit: .milliseconds(1)) },
            "ttl": EmbeddedCommand(2) { arguments, connection in self.timeToLive(arguments, connection, unit: .seconds(1)) },
            "pttl": EmbeddedCommand(2) { arguments, connection in self.timeToLive(arguments, connection, unit: .milliseconds(1)) },
            "persist": EmbeddedCommand(2) { arguments, connection in
                guard let expiry = connection.core.store.expiry(arguments[1], now: arguments.now), expiry != nil else {
                    connection.integer(0)
                    return
                }
                connection.core.store.setExpiry(arguments[1], to: nil)
                connection.integer(1)
            },
            "dbsize": EmbeddedCommand(1) { _, connection in connection.integer(connection.core.store.count) },
            "flushall": EmbeddedCommand(-1) { arguments, connection in self.flush(arguments, connection) },
            "flushdb": EmbeddedCommand(-1) { arguments, connection in self.flush(arguments, connection) },
        ]
    }

    private static func delete(_ arguments: EmbeddedArguments, _ connection: EmbeddedRESPConnection) {
        var deleted = 0
        for key in arguments.all.dropFirst() where connection.core.store.delete(key, now: arguments.now) { deleted += 1 }
        connection.integer(deleted)
    }

    private static func flush(_ arguments: EmbeddedArguments, _ connection: EmbeddedRESPConnection) {
        guard arguments.count == 1 || (arguments.count == 2 && ["SYNC", "ASYNC"].contains(arguments.word(1))) else {
            connection.error("ERR syntax error")
            return
        }
        connection.core.store.deleteAll()
        connection.ok()
    }

    private static func timeToLive(_ arguments: EmbeddedArguments, _ connection: EmbeddedRESPConnection, unit: TimeAmount) {
        guard let expiry = connection.core.store.expiry(arguments[1], now: arguments.now) else {
            connection.integer(-2)
            return
        }
        guard let expiry else {
            connection.integer(-1)
            return
        }
        // Milliseconds first and then to the nearest second, as Redis rounds.
        let milliseconds = (expiry - arguments.now).nanoseconds / 1_000_000
        connection.integer(unit == .seconds(1) ? Int((milliseconds + 500) / 1000) : Int(milliseconds))
    }

    private static func expire(_ arguments: EmbeddedArguments, _ connection: EmbeddedRESPConnection, unit: TimeAmount) {
        var options: Set<String> = []
        for index in 3..<max(3, arguments.count) {
            guard ["NX", "XX", "GT", "LT"].contains(arguments.word(index)) else {
                connection.error("ERR Unsupported option \(String(buffer: arguments[index]))")
                return
            }
            options.insert(arguments.word(index))
        }
        guard !options.contains("NX") || options.count == 1 else {
            connection.error("ERR NX and XX, GT or LT options at the same time are not compatible")
            return
        }
        guard !options.contains("GT") || !options.contains("LT") else {
            connection.error("ERR GT and LT options at the same time are not compatible")
            return
        }
        guard let amount = arguments.integer(2) else {
            connection.error("ERR value is not an integer or out of range")
            return
        }
        var expiry = NIODeadline.distantPast
        if amount > 0 {
            guard let deadline = self.deadline(after: amount, unit: unit, now: arguments.now) else {
                connection.error("ERR invalid expire time in '\(arguments.name)' command")
                return
            }
            expiry = deadline
        }
        guard let previous = connection.core.store.expiry(arguments[1], now: arguments.now) else {
            connection.integer(0)
            return
        }
        // No expiry counts as infinitely far for GT and LT.
        let isRefused =
            (options.contains("NX") && previous != nil) || (options.contains("XX") && previous == nil)
            || (options.contains("GT") && expiry <= previous ?? .distantFuture)
            || (options.contains("LT") && expiry >= previous ?? .distantFuture)
        guard !isRefused else {
            connection.integer(0)
            return
        }
        if amount > 0 {
            connection.core.store.setExpiry(arguments[1], to: expiry)
        } else {
            _ = connection.core.store.delete(arguments[1], now: arguments.now)
        }
        connection.integer(1)
    }
}
