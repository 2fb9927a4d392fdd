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

    private typealias Command = RedisSubscriptionTable.Command

    private static func subscribe(_ topics: RedisTopic...) -> [Command] { topics.map { Command(verb: .subscribe, topic: $0) } }
    private static func unsubscribe(_ topics: RedisTopic...) -> [Command] { topics.map { Command(verb: .unsubscribe, topic: $0) } }

    /// All that is to be said now.
    private static func commands(_ table: inout RedisSubscriptionTable) -> [Command] {
        var all: [Command] = []
        while let command = table.nextCommand() { all.append(command) }
        return all
    }

    private static func confirmed(_ answer: RedisSubscriptionTable.Answer) -> [Int]? {
        if case .confirmed(let numbers) = answer { return numbers.sorted() }
        return nil
    }

    private static func lost(_ answer: RedisSubscriptionTable.Answer) -> [Int]? {
        if case .lost(let numbers) = answer { return numbers.sorted() }
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

    private static func isDone(_ answer: RedisSubscriptionTable.Answer) -> Bool {
        if case .done = answer { return true }
        return false
    }

    /// A table with one confirmed topic for each number.
    private static func table(_ topics: RedisTopic...) -> RedisSubscriptionTable {
        var table = RedisSubscriptionTable()
        for (number, topic) in topics.enumerated() { _ = table.add(Subscriber(), number, to: topic) }
        _ = self.commands(&table)
        for topic in topics { _ = table.confirmed(topic) }
        return table
    }

    @Test func answersBelongToWhatWasAskedInThatOrder() {
        var table = RedisSubscriptionTable()
        let topics: [RedisTopic] = [.pattern("p"), .channel("c"), .shard("s"), .pattern("q"), .channel("d")]
        for (number, topic) in topics.enumerated() {
            let isConfirmed = table.add(Subscriber(), number, to: topic)
            #expect(!isConfirmed)
        }
        #expect(Self.commands(&table) == topics.map { Command(verb: .subscribe, topic: $0) })
        #expect(Self.commands(&table) == [])
        let first = table.confirmed(.pattern("p"))
        #expect(Self.confirmed(first) == [0])
        // The second is refused, and nobody else.
        let second = table.refused(mayPass: false)
        #expect(Self.refused(second) == 1)
        #expect(table.numbers(of: .channel("c")) == [])
        let third = table.confirmed(.shard("s"))
        #expect(Self.confirmed(third) == [2])
        let other = table.confirmed(.channel("d"))
        #expect(Self.isOutOfOrder(other))
    }

    @Test func everythingIsAskedForAgainAfterALoss() {
        var table = RedisSubscriptionTable()
        for topic in [RedisTopic.pattern("p"), .channel("c")] { _ = table.add(Subscriber(), 1, to: topic) }
        _ = Self.commands(&table)
        _ = table.confirmed(.pattern("p"))
        table.connectionLost()
        #expect(table.subscriber(1, of: .pattern("p")) == nil)
        let again = Self.commands(&table)
        #expect(again.count == 2 && Set(again.map(\.topic)) == [.pattern("p"), .channel("c")])
        #expect(table.allSubscribers.count == 1)
    }

    @Test func whatIsWantedWhenTheAnswerComesDecides() {
        var table = Self.table("a", "b")
        _ = table.remove(0, from: "a")
        // Back before anything was said.
        let isStillConfirmed = table.add(Subscriber(), 2, to: "a")
        #expect(isStillConfirmed)
        #expect(Self.commands(&table) == [])
        _ = table.remove(2, from: "a")
        #expect(Self.commands(&table) == Self.unsubscribe("a"))
        // Back before the answer.
        let isConfirmed = table.add(Subscriber(), 3, to: "a")
        #expect(!isConfirmed && table.subscriber(3, of: "a") == nil)
        #expect(Self.commands(&table) == [])
        let unsubscribed = table.unsubscribed("a")
        #expect(Self.isDone(unsubscribed))
        #expect(Self.commands(&table) == Self.subscribe("a"))
        // Gone and back, and gone.
        _ = table.remove(3, from: "a")
        _ = table.add(Subscriber(), 4, to: "a")
        _ = table.remove(4, from: "a")
        let confirmed = table.confirmed("a")
        #expect(Self.confirmed(confirmed) == [])
        #expect(Self.commands(&table) == Self.unsubscribe("a"))
        _ = table.unsubscribed("a")
        // Only `b`.
        #expect(table.entries == 1 && table.count == 1)
    }

    @Test func whatIsNotNeededGoesFirst() {
        var table = Self.table("a", "b", "c")
        _ = table.add(Subscriber(), 3, to: "d")
        _ = table.remove(0, from: "a")
        _ = table.remove(2, from: "c")
        #expect(Self.commands(&table) == Self.unsubscribe("a", "c") + Self.subscribe("d"))
    }

    @Test func noMoreThanTheWindowIsUnanswered() {
        let window = RedisSubscriptionTable.maximumUnanswered
        var table = RedisSubscriptionTable()
        for number in 0..<(window + 10) { _ = table.add(Subscriber(), number, to: .channel("\(number)")) }
        #expect(Self.commands(&table).count == window)
        #expect(!table.hasChanges)
        _ = table.confirmed(.channel("0"))
        #expect(table.hasChanges)
        #expect(Self.commands(&table) == Self.subscribe(.channel("\(window)")))
    }

    /// While there is no connection, and while there is one that takes nothing.
    @Test(arguments: [false, true]) func comingAndGoingLeavesNothing(connected: Bool) {
        var table = Self.table("held")
        if !connected { table.connectionLost() }
        var most = 0
        for number in 1...20_000 {
            for topic in [RedisTopic.channel("same"), .channel("\(number)"), "held"] {
                _ = table.add(Subscriber(), number, to: topic)
                _ = table.remove(number, from: topic)
            }
            most = max(most, table.entries)
        }
        #expect(most <= RedisSubscriptionTable.maximumUnanswered + 16)
        #expect(table.count == 1)
        #expect(Self.commands(&table) == (connected ? [] : Self.subscribe("held")))
        #expect(table.entries == (connected ? 1 : 2))
    }

    @Test func whatTheServerTakesAwayIsAskedForLater() {
        var table = Self.table("a", "b")
        _ = table.add(Subscriber(), 7, to: "a")
        let answer = table.unsubscribed("a")
        #expect(Self.lost(answer) == [0, 7])
        #expect(table.subscriber(0, of: "a") == nil && table.subscriber(0, waitingFor: "a") != nil)
        // Not for another user, either.
        _ = table.add(Subscriber(), 8, to: "a")
        #expect(Self.commands(&table) == [])
        table.retryLost()
        #expect(Self.commands(&table) == Self.subscribe("a"))
        let confirmed = table.confirmed("a")
        #expect(Self.confirmed(confirmed) == [0, 7, 8])
        #expect(table.subscriber(1, of: "b") != nil)
    }

    @Test func whatIsTakenAwayWhileSomethingIsUnanswered() {
        var table = Self.table("a", "b")
        _ = table.remove(0, from: "a")
        _ = table.add(Subscriber(), 2, to: "c")
        #expect(Self.commands(&table) == Self.unsubscribe("a") + Self.subscribe("c"))
        _ = table.add(Subscriber(), 3, to: "a")
        // By the server itself, and then the answer to what was asked.
        let itself = table.unsubscribed("a")
        #expect(Self.isDone(itself))
        #expect(Self.commands(&table) == Self.subscribe("a"))
        let asked = table.unsubscribed("a")
        #expect(Self.isDone(asked))
        let b = table.unsubscribed("b")
        #expect(Self.lost(b) == [1])
        let confirmed = [table.confirmed("c"), table.confirmed("a")].map { Self.confirmed($0) }
        #expect(confirmed == [[2], [3]])
        let unknown = table.unsubscribed("never")
        #expect(Self.isDone(unknown))
    }

    @Test func aRefusalThatMayPassEndsOnlyWhatWasNeverGranted() {
        var table = Self.table("a")
        _ = table.add(Subscriber(), 1, to: "new")
        _ = table.unsubscribed("a")
        table.retryLost()
        #expect(Self.commands(&table) == Self.subscribe("new", "a"))
        let new = table.refused(mayPass: true)
        #expect(Self.refused(new) == 1)
        guard case .postponed = table.refused(mayPass: true) else { return #expect(Bool(false), "not postponed") }
        #expect(Self.commands(&table) == [])
        table.retryLost()
        #expect(Self.commands(&table) == Self.subscribe("a"))
        let moved = table.refused(mayPass: false)
        #expect(Self.refused(moved) == 1)
        #expect(table.isEmpty && table.entries == 0)
    }

    @Test func aRefusedTopicEndsItsWholeSubscription() {
        var table = RedisSubscriptionTable()
        for topic in [RedisTopic.channel("a"), .channel("b")] { _ = table.add(Subscriber(), 1, to: topic) }
        _ = table.add(Subscriber(), 2, to: .channel("a"))
        _ = Self.commands(&table)
        _ = table.confirmed(.channel("a"))
        let refused = table.refused(mayPass: false)
        #expect(Self.refused(refused) == 1)
        #expect(table.numbers(of: .channel("a")) == [2] && table.count == 1)
    }

    @Test func aTopicThatCannotBeGivenUpLeavesTheConnectionInDoubt() {
        var table = Self.table("a", "b")
        _ = table.remove(0, from: "a")
        _ = Self.commands(&table)
        let refused = table.refused(mayPass: false)
        #expect(Self.isOutOfOrder(refused))
    }

    @Test func aRefusedPingIsAnAnswer() {
        var table = RedisSubscriptionTable()
        _ = table.add(Subscriber(), 1, to: .channel("a"))
        _ = Self.commands(&table)
        table.pinged()
        #expect(table.isPinged)
        let early = table.ponged()
        #expect(Self.isOutOfOrder(early))
        _ = table.confirmed(.channel("a"))
        let ping = table.refused(mayPass: false)
        #expect(Self.isDone(ping))
        #expect(!table.isPinged && table.numbers(of: .channel("a")) == [1])
        let nothing = table.refused(mayPass: false)
        #expect(Self.isOutOfOrder(nothing))
    }
}

extension RedisTopic: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self = .channel(value) }
}
