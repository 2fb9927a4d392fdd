public import NIOCore
public import WeirRESP

/// A command with what its reply means: `RedisCommand.get("key")` replies with bytes or nil.
///
/// Values are sent with their length, so any byte may be in them.
public struct RedisCommand<Reply: Sendable>: Sendable {
    /// What is sent.
    public var request: RedisRequest
    /// What a reply means that is no error. Throws ``RedisError/Code/unexpectedReply`` for what it cannot mean.
    public let decode: @Sendable (RESPFrame) throws -> Reply

    /// A command with its own reading of the reply.
    @inlinable
    public init(_ request: RedisRequest, decode: @escaping @Sendable (RESPFrame) throws -> Reply) {
        self.request = request
        self.decode = decode
    }

    /// As ``init(_:decode:)`` for a type that knows how to read itself.
    @inlinable
    init(
        _ name: StaticString, _ arguments: RedisRequest.Arguments = .none, keys: RedisKeyPositions = .none, traits: RedisTraits = [],
        decode: @escaping @Sendable (RESPFrame) throws -> Reply
    ) {
        self.request = RedisRequest(name, arguments, keys: keys, traits: traits)
        self.decode = decode
    }

    /// The same command, marked as safe to be run twice: one whose connection is lost before the reply is sent again on the next one,
    /// until its deadline. Costs a copy of the command for as long as it waits.
    public func repeatable() -> RedisCommand {
        var command = self
        command.request.traits.insert(.repeatable)
        return command
    }

    /// The same command with another reading of what its reply was read as.
    public func map<Other: Sendable>(_ transform: @escaping @Sendable (Reply) throws -> Other) -> RedisCommand<Other> {
        let decode = self.decode
        return RedisCommand<Other>(self.request) { try transform(try decode($0)) }
    }
}

extension RedisCommand<RESPFrame> {
    /// Any command, its name first.
    ///
    /// What it does to the connection is found by its name; one that this module does not know counts as doing nothing.
    /// - Parameter keys: where its keys are among what follows the name; found by the name too if nil, and none if the module does not
    ///   know that.
    /// - Precondition: there is at least one part.
    public static func raw(_ parts: [ByteBuffer], keys: RedisKeyPositions? = nil) -> RedisCommand {
        precondition(!parts.isEmpty, "a command has a name")
        let keys = keys ?? RedisKeyPositions(ofCommand: parts)
        // The name is one of the parts: positions are counted from there.
        return RedisCommand(RedisRequest("", .many(parts), keys: keys.moved(by: 1), traits: RedisTraits(ofCommand: parts))) { $0 }
    }

    /// Any command of words.
    public static func raw(_ parts: String...) -> RedisCommand {
        self.raw(parts.map { ByteBuffer(string: $0) })
    }
}
