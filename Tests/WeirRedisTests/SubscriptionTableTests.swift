import NIOCore
import Testing
import WeirRESP

@testable import WeirRedis

/// Which answer of the server belongs to which subscription.
@Suite struct SubscriptionTableTests {
    private final class Subscriber: RedisSubscriber {
        func redisSubscribed(to topic: RedisTopic) {}
        func redisMessage(_ message: RedisMessage) {}
        func redisInterrupted(_ error: RedisError) {}
        func redisSubscriptionEnded(_ error: RedisError) {}
    }

    private static func numbers(_ answer: RedisSubscriptionTable.Answer) -> [Int]? {
        if case .numbers(let numbers) = answer { return numbers.sorted() }
        return nil
    }

    private static func refused(_ answer: RedisSubscriptionTable.Answer) -> Int? {
        if case .refused(let subscribers) = answer { return subscribers.count }
        return nil
    }

    private static func isOutOfOrder(_ answer: RedisSubscriptionTable.Answer) -> Bool {
        if case .outOfOrder = answer { return true }
        return false
    }

    @Test func answersBelongToWhatWasAskedInThatOrder() {
        var table = RedisSubscriptionTable()
        let topics: [RedisTopic] = [.pattern("p"), .channel("c"), .shard("s"), .pattern("q"), .channel("d")]
        for (number, topic) in topics.enumerated() { #expect(!table.add(Subscriber(), number, to: topic)) }
        #expect(table.takeUnasked() == topics)
        #expect(table.takeUnasked() == [])
        #expect(Self.numbers(table.confirmed(.pattern("p"))) == [0])
        // The second is refused, and nobody else.
        #expect(Self.refused(table.refused()) == 1)
        #expect(table.numbers(of: .channel("c")) == [])
        #expect(Self.numbers(table.confirmed(.shard("s"))) == [2])
        #expect(Self.isOutOfOrder(table.confirmed(.channel("d"))))
    }

    @Test func everythingIsAskedForAgainAfterALoss() {
        var table = RedisSubscriptionTable()
        let topics: [RedisTopic] = [.pattern("p"), .channel("c")]
        for topic in topics { _ = table.add(Subscriber(), 1, to: topic) }
        _ = table.takeUnasked()
        _ = table.confirmed(.pattern("p"))
        table.connectionLost()
        #expect(table.subscriber(1, of: .pattern("p")) == nil)
        #expect(Set(table.takeUnasked()) == Set(topics))
        #expect(table.allSubscribers.count == 1)
    }

    @Test func aTopicAskedForAgainCountsFromItsLastAnswer() {
        var table = RedisSubscriptionTable()
        _ = table.add(Subscriber(), 1, to: .channel("a"))
        _ = table.takeUnasked()
        #expect(table.remove(1, from: .channel("a")) != nil)
        _ = table.add(Subscriber(), 2, to: .channel("a"))
        #expect(table.takeUnneeded() == [.channel("a")])
        #expect(table.takeUnasked() == [.channel("a")])
        #expect(Self.numbers(table.confirmed(.channel("a"))) == [])
        #expect(table.subscriber(2, of: .channel("a")) == nil)
        #expect(Self.numbers(table.confirmed(.channel("a"))) == [2])
        #expect(table.subscriber(2, of: .channel("a")) != nil)
    }

    @Test func aRefusedTopicEndsItsWholeSubscription() {
        var table = RedisSubscriptionTable()
        for topic in [RedisTopic.channel("a"), .channel("b")] { _ = table.add(Subscriber(), 1, to: topic) }
        _ = table.add(Subscriber(), 2, to: .channel("a"))
        _ = table.takeUnasked()
        _ = table.confirmed(.channel("a"))
        #expect(Self.refused(table.refused()) == 1)
        #expect(table.numbers(of: .channel("a")) == [2] && table.count == 1)
    }

    @Test func aRefusedPingIsAnAnswer() {
        var table = RedisSubscriptionTable()
        _ = table.add(Subscriber(), 1, to: .channel("a"))
        _ = table.takeUnasked()
        table.pinged()
        #expect(table.isPinged)
        #expect(Self.isOutOfOrder(table.ponged()))
        _ = table.confirmed(.channel("a"))
        guard case .pong = table.refused() else { return #expect(Bool(false), "no answer to the ping") }
        #expect(!table.isPinged && table.numbers(of: .channel("a")) == [1])
        #expect(Self.isOutOfOrder(table.refused()))
    }

    @Test func whatNobodyWantsAnyMoreIsNotAskedFor() {
        var table = RedisSubscriptionTable()
        _ = table.add(Subscriber(), 1, to: .channel("a"))
        _ = table.remove(1, from: .channel("a"))
        #expect(table.takeUnneeded() == [] && table.takeUnasked() == [] && table.isEmpty)
    }
}
