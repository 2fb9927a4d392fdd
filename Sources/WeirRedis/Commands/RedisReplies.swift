import NIOCore
import WeirRESP

/// What replies mean, for commands to choose from. Each throws ``RedisError/Code/unexpectedReply`` for what it cannot read, whatever it is.
@usableFromInline
enum RedisReplies {
    @usableFromInline @Sendable static func frame(_ frame: RESPFrame) -> RESPFrame { frame }

    /// `OK` or another simple string, but not `QUEUED`, which says that nothing is done yet.
    @usableFromInline @Sendable static func ok(_ frame: RESPFrame) throws {
        guard frame.kind == .simpleString, !self.isQueued(frame) else { throw self.unexpected(frame, "OK") }
    }

    /// What is replied to any command inside a transaction: a type byte, the word and CRLF.
    private static func isQueued(_ frame: RESPFrame) -> Bool {
        frame.bytes.readableBytes == 9 && frame.bytes.readableBytesView.elementsEqual("+QUEUED\r\n".utf8)
    }

    /// `OK`, or null if it was not done.
    @usableFromInline @Sendable static func done(_ frame: RESPFrame) throws -> Bool {
        if frame.isNull { return false }
        try self.ok(frame)
        return true
    }

    // MARK: Strings

    /// A string of any bytes.
    @usableFromInline @Sendable static func bytes(_ frame: RESPFrame) throws -> ByteBuffer {
        switch frame.kind {
        case .bulkString, .verbatimString:
            if let bytes = frame.string { return bytes }
        case .simpleString, .simpleError, .integer, .array, .null, .boolean, .double, .bigNumber, .bulkError, .map, .set, .push: break
        }
        throw self.unexpected(frame, "a string")
    }

    /// A string, and nil for null.
    @usableFromInline @Sendable static func optionalBytes(_ frame: RESPFrame) throws -> ByteBuffer? {
        if frame.isNull { return nil }
        return try self.bytes(frame)
    }

    /// Text, also as a simple string.
    @Sendable static func string(_ frame: RESPFrame) throws -> String {
        if frame.kind == .simpleString, !self.isQueued(frame), let text = frame.string { return String(buffer: text) }
        return String(buffer: try self.bytes(frame))
    }

    @Sendable static func optionalString(_ frame: RESPFrame) throws -> String? {
        if frame.isNull { return nil }
        return try self.string(frame)
    }

    // MARK: Numbers

    @usableFromInline @Sendable static func integer(_ frame: RESPFrame) throws -> Int {
        guard let integer = frame.integer else { throw self.unexpected(frame, "an integer") }
        return Int(integer)
    }

    @usableFromInline @Sendable static func optionalInteger(_ frame: RESPFrame) throws -> Int? {
        if frame.isNull { return nil }
        return try self.integer(frame)
    }

    /// An integer that servers also send as a string.
    @Sendable static func writtenInteger(_ frame: RESPFrame) throws -> Int {
        if let integer = frame.integer { return Int(integer) }
        guard let integer = Int(try self.string(frame)) else { throw self.unexpected(frame, "an integer") }
        return integer
    }

    /// An unsigned integer, as cursors are: a string, or an integer.
    @Sendable static func unsigned(_ frame: RESPFrame) throws -> UInt64 {
        let integer = try frame.integer.map { UInt64(exactly: $0) } ?? UInt64(try self.string(frame))
        guard let integer else { throw self.unexpected(frame, "an unsigned integer") }
        return integer
    }

    /// A time in milliseconds.
    @Sendable static func milliseconds(_ frame: RESPFrame) throws -> TimeAmount {
        .milliseconds(Int64(try self.integer(frame)))
    }

    /// A double; a string that holds one in RESP2.
    @Sendable static func double(_ frame: RESPFrame) throws -> Double {
        if let double = frame.double { return double }
        guard let double = self.double(of: try self.string(frame)) else { throw self.unexpected(frame, "a double") }
        return double
    }

    @Sendable static func optionalDouble(_ frame: RESPFrame) throws -> Double? {
        if frame.isNull { return nil }
        return try self.double(frame)
    }

    private static func double(of text: String) -> Double? {
        switch text {
        case "inf", "+inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        // Nothing that only Swift would read, as hexadecimal.
        default: return text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) } ? Double(text) : nil
        }
    }

    /// One or zero, true or false.
    @usableFromInline @Sendable static func flag(_ frame: RESPFrame) throws -> Bool {
        if let integer = frame.integer { return integer != 0 }
        guard let boolean = frame.boolean else { throw self.unexpected(frame, "an integer or a boolean") }
        return boolean
    }

    @inline(never)
    static func unexpected(_ frame: RESPFrame, _ expected: StaticString) -> RedisError {
        RedisError(.unexpectedReply, "the reply is of the type \(frame.kind), not \(expected)", mayHaveRun: true)
    }
}
