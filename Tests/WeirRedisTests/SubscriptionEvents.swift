import NIOCore
import WeirRESP

@testable import WeirRedis

/// Writes down what it is told. Touched on its loop only.
final class SubscriptionEvents: RedisSubscriber {
    private(set) var events: [String] = []
    private(set) var error: RedisError?

    func redisSubscribed(to topic: RedisTopic) { self.events.append("subscribed \(String(buffer: topic.name))") }
    func redisMessage(_ message: RedisMessage) { self.events.append("message \(String(buffer: message.payload))") }
    func redisUnsubscribed(from topic: RedisTopic) { self.events.append("unsubscribed \(String(buffer: topic.name))") }
    func redisInterrupted(_ error: RedisError) { self.events.append("interrupted") }

    func redisSubscriptionEnded(_ error: RedisError) {
        self.events.append("ended")
        self.error = error
    }
}

/// Frames of a server, as pushes.
enum ServerSays {
    static func push(_ words: String...) -> String {
        let bulks = words.dropLast().map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        return ">\(words.count)\r\n\(bulks):\(words.last!)\r\n"
    }

    static func message(_ kind: String, _ channel: String, _ payload: String) -> String {
        ">3\r\n" + [kind, channel, payload].map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    }
}
