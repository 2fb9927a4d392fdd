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
        for (number, topic) in topics.enumerated() {
            let isConfirmed = table.add(Subscriber(), number, to: topic)
            #expect(!isConfirmed)
        }
        let answer1 = table.takeUnasked()
        #expect(answer1 == topics)
        let answer2 = table.takeUnasked()
        #expect(answer2 == [])
        let answer3 = table.confirmed(.pattern("p"))
        #expect(Self.numbers(answer3) == [0])
        // The second is refused, and nobody else.
        let answer4 = table.refused()
        #expect(Self.refused(answer4) == 1)
        #expect(table.numbers(of: .channel("c")) == [])
        let answer5 = table.confirmed(.shard("s"))
        #expect(Self.numbers(answer5) == [2])
        let answer6 = table.confirmed(.channel("d"))
        #expect(Self.isOutOfOrder(answer6))
    }

    @Test func everythingIsAskedForAgainAfterALoss() {
        var table = RedisSubscriptionTable()
        let topics: [RedisTopic] = [.pattern("p"), .channel("c")]
        for topic in topics { _ = table.add(Subscriber(), 1, to: topic) }
        _ = table.takeUnasked()
        _ = table.confirmed(.pattern("p"))
        table.connectionLost()
        #expect(table.subscriber(1, of: .pattern("p")) == nil)
        let answer7 = table.takeUnasked()
        #expect(Set(answer7) == Set(topics))
        #expect(table.allSubscribers.count == 1)
    }

    @Test func aTopicAskedForAgainCountsFromItsLastAnswer() {
        var table = RedisSubscriptionTable()
        _ = table.add(Subscriber(), 1, to: .channel("a"))
        _ = table.takeUnasked()
        let answer8 = table.remove(1, from: .channel("a"))
        #expect(answer8 != nil)
        _ = table.add(Subscriber(), 2, to: .channel("a"))
        let answer9 = table.takeUnneeded()
        #expect(answer9 == [.channel("a")])
        let answer10 = table.takeUnasked()
        #expect(answer10 == [.channel("a")])
        let answer11 = table.confirmed(.channel("a"))
        #expect(Self.numbers(answer11) == [])
        #expect(table.subscriber(2, of: .channel("a")) == nil)
        let answer12 = table.confirmed(.channel("a"))
        #expect(Self.numbers(answer12) == [2])
        #expect(table.subscriber(2, of: .channel("a")) != nil)
    }

    @Test func aRefusedTopicEndsItsWholeSubscription() {
        var table = RedisSubscriptionTable()
        for topic in [RedisTopic.channel("a"), .channel("b")] { _ = table.add(Subscriber(), 1, to: topic) }
        _ = table.add(Subscriber(), 2, to: .channel("a"))
        _ = table.takeUnasked()
        _ = table.confirmed(.channel("a"))
        let answer13 = table.refused()
        #expect(Self.refused(answer13) == 1)
        #expect(table.numbers(of: .channel("a")) == [2] && table.count == 1)
    }

    @Test func aRefusedPingIsAnAnswer() {
        var table = RedisSubscriptionTable()
        _ = table.add(Subscriber(), 1, to: .channel("a"))
        _ = table.takeUnasked()
        table.pinged()
        #expect(table.isPinged)
        let answer14 = table.ponged()
        #expect(Self.isOutOfOrder(answer14))
        _ = table.confirmed(.channel("a"))
        guard case .pong = table.refused() else { return #expect(Bool(false), "no answer to the ping") }
        #expect(!table.isPinged && table.numbers(of: .channel("a")) == [1])
        let answer15 = table.refused()
        #expect(Self.isOutOfOrder(answer15))
    }

    @Test func whatNobodyWantsAnyMoreIsNotAskedFor() {
        var table = RedisSubscriptionTable()
        _ = table.add(Subscriber(), 1, to: .channel("a"))
        _ = table.remove(1, from: .channel("a"))
        let answer16 = table.takeUnneeded()
        let answer17 = table.takeUnasked()
        #expect(answer16 == [] && answer17 == [] && table.isEmpty)
    }
}
