import NIOCore
import WeirRESP

/// Commands that read and write strings.
extension EmbeddedCommand {
    static var stringCommands: [String: EmbeddedCommand] {
        [
            "get": EmbeddedCommand(2) { arguments, connection in
                connection.string(connection.core.store.value(arguments[1], now: arguments.now))
            },
            "strlen": EmbeddedCommand(2) { arguments, connection in
                connection.integer(connection.core.store.value(arguments[1], now: arguments.now)?.readableBytes ?? 0)
            },
            "mget": EmbeddedCommand(-2) { arguments, connection in
                connection.array(count: arguments.count - 1)
                for key in arguments.all.dropFirst() { connection.string(connection.core.store.value(key, now: arguments.now)) }
            },
            "set": EmbeddedCommand(-3) { arguments, connection in self.set(arguments, connection) },
            "setnx": EmbeddedCommand(3) { arguments, connection in
                guard connection.core.store.value(arguments[1], now: arguments.now) == nil else {
                    connection.integer(0)
                    return
                }
                if self.store(arguments[1], arguments[2], expiry: nil, arguments, connection) { connection.integer(1) }
            },
            "setex": EmbeddedCommand(4) { arguments, connection in self.setExpiring(arguments, connection, unit: .seconds(1)) },
            "psetex": EmbeddedCommand(4) { arguments, connection in self.setExpiring(arguments, connection, unit: .milliseconds(1)) },
            "getset": EmbeddedCommand(3) { arguments, connection in
                let previous = connection.core.store.value(arguments[1], now: arguments.now)
                if self.store(arguments[1], arguments[2], expiry: nil, arguments, connection) { connection.string(previous) }
            },
            "getdel": EmbeddedCommand(2) { arguments, connection in
                connection.string(connection.core.store.value(arguments[1], now: arguments.now))
                _ = connection.core.store.delete(arguments[1], now: arguments.now)
            },
            "mset": EmbeddedCommand(-3) { arguments, connection in
                guard arguments.count % 2 == 1 else {
                    connection.error("ERR wrong number of arguments for 'mset' command")
                    return
                }
                for index in stride(from: 1, to: arguments.count, by: 2) {
                    guard self.store(arguments[index], arguments[index + 1], expiry: nil, arguments, connection) else { return }
                }
                connection.ok()
            },
            "append": EmbeddedCommand(3) { arguments, connection in
                var value = connection.core.store.value(arguments[1], now: arguments.now) ?? ByteBuffer()
                guard value.readableBytes + arguments[2].readableBytes <= connection.core.configuration.maximumValueLength else {
                    connection.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
                    return
                }
                value.writeImmutableBuffer(arguments[2])
                let expiry = connection.core.store.expiry(arguments[1], now: arguments.now) ?? nil
                if self.store(arguments[1], value, expiry: expiry, arguments, connection) { connection.integer(value.readableBytes) }
            },
            "incr": EmbeddedCommand(2) { arguments, connection in self.add(1, arguments, connection) },
            "decr": EmbeddedCommand(2) { arguments, connection in self.add(-1, arguments, connection) },
            "incrby": EmbeddedCommand(3) { arguments, connection in
                guard let amount = arguments.integer(2) else {
                    connection.error("ERR value is not an integer or out of range")
                    return
                }
                self.add(amount, arguments, connection)
            },
            "decrby": EmbeddedCommand(3) { arguments, connection in
                guard let amount = arguments.integer(2) else {
                    connection.error("ERR value is not an integer or out of range")
                    return
                }
                guard amount != Int.min else {
                    connection.error("ERR decrement would overflow")
                    return
                }
                self.add(-amount, arguments, connection)
            },
        ]
    }

    /// Stores, or answers that there is no room and returns false.
    private static func store(
        _ key: ByteBuffer, _ value: ByteBuffer, expiry: NIODeadline?, _ arguments: EmbeddedArguments,
        _ connection: EmbeddedRESPConnection
    ) -> Bool {
        guard connection.core.store.set(key, to: value, expiry: expiry, now: arguments.now) else {
            connection.error("OOM command not allowed when used memory > 'maxmemory'.")
            return false
        }
        return true
    }

    private static func add(_ amount: Int, _ arguments: EmbeddedArguments, _ connection: EmbeddedRESPConnection) {
        let previous = connection.core.store.value(arguments[1], now: arguments.now)
        guard let number = previous.map(EmbeddedArguments.integer) ?? 0 else {
            connection.error("ERR value is not an integer or out of range")
            return
        }
        let (sum, overflowed) = number.addingReportingOverflow(amount)
        guard !overflowed else {
            connection.error("ERR increment or decrement would overflow")
            return
        }
        let expiry = connection.core.store.expiry(arguments[1], now: arguments.now) ?? nil
        if self.store(arguments[1], ByteBuffer(string: String(sum)), expiry: expiry, arguments, connection) { connection.integer(sum) }
    }

    private static func setExpiring(_ arguments: EmbeddedArguments, _ connection: EmbeddedRESPConnection, unit: TimeAmount) {
        guard let amount = arguments.integer(2) else {
            connection.error("ERR value is not an integer or out of range")
            return
        }
        guard amount > 0, let expiry = self.deadline(after: amount, unit: unit, now: arguments.now) else {
            connection.error("ERR invalid expire time in '\(arguments.name)' command")
            return
        }
        if self.store(arguments[1], arguments[3], expiry: expiry, arguments, connection) { connection.ok() }
    }

    private static func set(_ arguments: EmbeddedArguments, _ connection: EmbeddedRESPConnection) {
        var onlyIfMissing = false
        var onlyIfThere = false
        var returnsPrevious = false
        var keepsExpiry = false
        var expiry: NIODeadline?
        var index = 3
        while index < arguments.count {
            switch arguments.word(index) {
            case "NX" where !onlyIfThere: onlyIfMissing = true
            case "XX" where !onlyIfMissing: onlyIfThere = true
            case "GET": returnsPrevious = true
            case "KEEPTTL" where expiry == nil: keepsExpiry = true
            case let unit where (unit == "EX" || unit == "PX") && expiry == nil && !keepsExpiry && index + 1 < arguments.count:
                guard let amount = arguments.integer(index + 1) else {
                    connection.error("ERR value is not an integer or out of range")
                    return
                }
                let unit: TimeAmount = unit == "EX" ? .seconds(1) : .milliseconds(1)
                guard amount > 0, let deadline = self.deadline(after: amount, unit: unit, now: arguments.now) else {
                    connection.error("ERR invalid expire time in 'set' command")
                    return
                }
                expiry = deadline
                index += 1
            default:
                connection.error("ERR syntax error")
                return
            }
            index += 1
        }
        let previous = connection.core.store.value(arguments[1], now: arguments.now)
        if (onlyIfMissing && previous != nil) || (onlyIfThere && previous == nil) {
            connection.string(returnsPrevious ? previous : nil)
            return
        }
        if keepsExpiry { expiry = connection.core.store.expiry(arguments[1], now: arguments.now) ?? nil }
        guard self.store(arguments[1], arguments[2], expiry: expiry, arguments, connection) else { return }
        if returnsPrevious { connection.string(previous) } else { connection.ok() }
    }

    /// Nil if the sum does not fit.
    static func deadline(after amount: Int, unit: TimeAmount, now: NIODeadline) -> NIODeadline? {
        let (nanoseconds, overflowed) = Int64(amount).multipliedReportingOverflow(by: unit.nanoseconds)
        guard !overflowed, nanoseconds < Int64.max - Int64(now.uptimeNanoseconds) else { return nil }
        return now + .nanoseconds(nanoseconds)
    }
}
