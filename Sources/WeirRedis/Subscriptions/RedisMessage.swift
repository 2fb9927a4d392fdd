public import NIOCore
import WeirRESP

/// What can be subscribed to.
public struct RedisTopic: Hashable, Sendable {
    /// The ways to name what one wants to hear.
    public enum Kind: Hashable, Sendable {
        /// `SUBSCRIBE`: a channel by its name.
        case channel
        /// `PSUBSCRIBE`: all channels that a pattern fits.
        case pattern
        /// `SSUBSCRIBE`: a channel of a shard, since Redis 7.0.
        case shard
    }

    /// How it is named.
    public let kind: Kind
    /// The channel or the pattern.
    public let name: ByteBuffer

    /// A channel.
    public static func channel(_ name: ByteBuffer) -> RedisTopic { RedisTopic(kind: .channel, name: name) }
    /// A channel.
    public static func channel(_ name: String) -> RedisTopic { .channel(ByteBuffer(string: name)) }
    /// Channels that a pattern fits.
    public static func pattern(_ pattern: ByteBuffer) -> RedisTopic { RedisTopic(kind: .pattern, name: pattern) }
    /// Channels that a pattern fits.
    public static func pattern(_ pattern: String) -> RedisTopic { .pattern(ByteBuffer(string: pattern)) }
    /// A channel of a shard.
    public static func shard(_ name: ByteBuffer) -> RedisTopic { RedisTopic(kind: .shard, name: name) }
    /// A channel of a shard.
    public static func shard(_ name: String) -> RedisTopic { .shard(ByteBuffer(string: name)) }
}

/// A message of a subscription.
public struct RedisMessage: Sendable, Hashable {
    /// What was subscribed to.
    public let topic: RedisTopic
    /// Where it was published: with a pattern, the channel that fits it.
    public let channel: ByteBuffer
    /// What was published.
    public let payload: ByteBuffer

    /// A message, as a test may want one.
    public init(topic: RedisTopic, channel: ByteBuffer, payload: ByteBuffer) {
        self.topic = topic
        self.channel = channel
        self.payload = payload
    }
}

/// Told on the loop what a subscription hears.
public protocol RedisSubscriber: AnyObject {
    /// The server has confirmed the topic: from now on nothing that is published is missed. Again after each reconnect and after
    /// ``redisUnsubscribed(from:)``: what was published in between is lost.
    func redisSubscribed(to topic: RedisTopic)
    /// A message.
    func redisMessage(_ message: RedisMessage)
    /// The connection was lost: what is published now is missed, until ``redisSubscribed(to:)``.
    func redisInterrupted(_ error: RedisError)
    /// The server has taken this topic away by itself, as a cluster does with a channel of a shard whose slot moves: what is published to
    /// it now is missed, until ``redisSubscribed(to:)``. It is asked for again after a while, and when the server refuses that
    /// (`CLUSTERDOWN` and what else may pass) again later; any other refusal, such as `MOVED`, ends the subscription with it. What else was
    /// subscribed to goes on.
    ///
    /// Unless implemented, it is ``redisInterrupted(_:)`` with ``RedisError/Code/unsubscribed``.
    func redisUnsubscribed(from topic: RedisTopic)
    /// The subscription has ended, by the client's shutdown or as the server refused it. Nothing follows.
    func redisSubscriptionEnded(_ error: RedisError)
}

extension RedisSubscriber {
    public func redisUnsubscribed(from topic: RedisTopic) {
        self.redisInterrupted(RedisError(.unsubscribed, "the server has ended the subscription to a topic"))
    }
}

/// What the server says on a connection with subscriptions: pushes of RESP3, arrays of RESP2, the same in both.
enum RedisSubscriptionFrame {
    case message(RedisMessage)
    case subscribed(RedisTopic)
    case unsubscribed(RedisTopic)
    /// An error, to the subscription that was asked for first and has no answer.
    case refused(RedisError)
    /// The reply to a `PING` on a connection of RESP2 with subscriptions.
    case pong
    /// None of all that.
    case other

    init(_ frame: RESPFrame) {
        self = .other
        if frame.isError {
            self = .refused(.serverError(frame))
            return
        }
        guard frame.kind == .push || frame.kind == .array, let elements = frame.elements, elements.count <= 4 else { return }
        let parts = elements.map(\.string)
        guard let word = parts.first.flatMap({ $0 }).map({ String(buffer: $0) }) else { return }
        switch (word, parts.count) {
        case ("message", 3): self = Self.message(.channel, topic: parts[1], channel: parts[1], payload: parts[2])
        case ("smessage", 3): self = Self.message(.shard, topic: parts[1], channel: parts[1], payload: parts[2])
        case ("pmessage", 4): self = Self.message(.pattern, topic: parts[1], channel: parts[2], payload: parts[3])
        case ("subscribe", 3): self = parts[1].map { .subscribed(.channel($0)) } ?? .other
        case ("psubscribe", 3): self = parts[1].map { .subscribed(.pattern($0)) } ?? .other
        case ("ssubscribe", 3): self = parts[1].map { .subscribed(.shard($0)) } ?? .other
        case ("unsubscribe", 3): self = parts[1].map { .unsubscribed(.channel($0)) } ?? .other
        case ("punsubscribe", 3): self = parts[1].map { .unsubscribed(.pattern($0)) } ?? .other
        case ("sunsubscribe", 3): self = parts[1].map { .unsubscribed(.shard($0)) } ?? .other
        case ("pong", 2): self = .pong
        default: return
        }
    }

    private static func message(
        _ kind: RedisTopic.Kind, topic: ByteBuffer?, channel: ByteBuffer?, payload: ByteBuffer?
    ) -> RedisSubscriptionFrame {
        guard let topic, let channel, let payload else { return .other }
        return .message(RedisMessage(topic: RedisTopic(kind: kind, name: topic), channel: channel, payload: payload))
    }
}
