import NIOCore
import WeirRESP

/// What replies mean, for commands to choose from. Each throws ``RedisError/Code/unexpectedReply`` for what it cannot read.
@usableFromInline
enum RedisReplies {
    @usableFromInline @Sendable static func frame(_ frame: RESPFrame) -> RESPFrame { frame }

    /// `OK` or another simple string.
    @usableFromInline @Sendable static func ok(_ frame: RESPFrame) throws {
        guard frame.kind == .simpleString else { throw self.unexpected(frame, "OK") }
    }

    /// A string, and nil for null.
    @usableFromInline @Sendable static func optionalBytes(_ frame: RESPFrame) throws -> ByteBuffer? {
        if let bytes = frame.string { return bytes }
        guard frame.isNull else { throw self.unexpected(frame, "a string or null") }
        return nil
    }

    @usableFromInline @Sendable static func bytes(_ frame: RESPFrame) throws -> ByteBuffer {
        guard let bytes = frame.string else { throw self.unexpected(frame, "a string") }
        return bytes
    }

    @usableFromInline @Sendable static func integer(_ frame: RESPFrame) throws -> Int {
        guard let integer = frame.integer else { throw self.unexpected(frame, "an integer") }
        return Int(integer)
    }

    @usableFromInline @Sendable static func optionalInteger(_ frame: RESPFrame) throws -> Int? {
        if frame.isNull { return nil }
        return try self.integer(frame)
    }

    /// One or zero, true or false.
    @usableFromInline @Sendable static func flag(_ frame: RESPFrame) throws -> Bool {
        if let integer = frame.integer { return integer != 0 }
        guard let boolean = frame.boolean else { throw self.unexpected(frame, "an integer or a boolean") }
        return boolean
    }

    /// `OK`, or null if it was not done.
    @usableFromInline @Sendable static func done(_ frame: RESPFrame) throws -> Bool {
        if frame.isNull { return false }
        try self.ok(frame)
        return true
    }

    static func unexpected(_ frame: RESPFrame, _ expected: StaticString) -> RedisError {
        RedisError(.unexpectedReply, "the reply is of the type \(frame.kind), not \(expected)", mayHaveRun: true)
    }
}
