import NIOCore
import Testing
import WeirRESP

@testable import WeirRedis

@Suite struct SubscriptionStateTests {
    private var state = RedisSubscriptionState()

    private func frame(_ wire: String) throws -> RESPFrame { try RESPFrame(ByteBuffer(string: wire)) }

    /// What the server says to a command of the family.
    private func confirmation(_ word: String, _ topic: String?, _ total: Int, _ version: RESPVersion) throws -> RESPFrame {
        let begin = version == .resp3 ? ">" : "*"
        let null = version == .resp3 ? "_\r\n" : "$-1\r\n"
        return try self.frame("\(begin)3\r\n\(bulk(word))\(topic.map(bulk) ?? null):\(total)\r\n")
    }

    private func message(_ version: RESPVersion, _ word: String = "message") throws -> RESPFrame {
        let words = word == "pmessage" ? [word, "a*", "a", "hello"] : [word, "a", "hello"]
        return try self.frame("\(version == .resp3 ? ">" : "*")\(words.count)\r\n\(words.map(bulk).joined())")
    }

    private static let families = [("subscribe", "unsubscribe"), ("psubscribe", "punsubscribe"), ("ssubscribe", "sunsubscribe")]

    @Test(arguments: families, [RESPVersion.resp2, .resp3])
    func oneConfirmationForEachTopic(_ words: (String, String), _ version: RESPVersion) throws {
        var state = self.state
        let (subscribe, unsubscribe) = words
        #expect(!state.isSubscribed && state.isQuiet)
        state.sent(subscribe.uppercased(), topics: 3)
        #expect(!state.isQuiet)
        #expect(try state.received(self.confirmation(subscribe, "a", 1, version)) == nil)
        #expect(state.isSubscribed)
        // Messages come as soon as the first is confirmed.
        #expect(try state.received(self.message(version)) == nil)
        #expect(try state.received(self.message(version, "pmessage")) == nil)
        #expect(try state.received(self.message(version, "smessage")) == nil)
        #expect(try state.received(self.confirmation(subscribe, "b", 2, version)) == nil)
        #expect(try state.received(self.confirmation(subscribe, "c", 3, version)) == .passed)
        #expect(state.isQuiet && state.isSubscribed)

        state.sent(unsubscribe, topics: 2)
        #expect(try state.received(self.confirmation(unsubscribe, "a", 2, version)) == nil)
        #expect(try state.received(self.message(version)) == nil)
        #expect(try state.received(self.confirmation(unsubscribe, "nothing", 2, version)) == .passed)
        #expect(state.isQuiet && state.isSubscribed)

        state.sent(unsubscribe, topics: 0)
        #expect(try state.received(self.confirmation(unsubscribe, "b", 1, version)) == nil)
        #expect(try state.received(self.confirmation(unsubscribe, "c", 0, version)) == .passed)
        #expect(state.isQuiet && !state.isSubscribed)
    }

    @Test(arguments: families, [RESPVersion.resp2, .resp3])
    func unsubscribingFromNothingIsAnsweredOnce(_ words: (String, String), _ version: RESPVersion) throws {
        var state = self.state
        state.sent(words.1, topics: 0)
        #expect(try state.received(self.confirmation(words.1, nil, 0, version)) == .passed)
        #expect(state.isQuiet && !state.isSubscribed)
    }

    @Test func channelsAndPatternsAreCountedTogetherAndShardsApart() throws {
        var state = self.state
        state.sent("SUBSCRIBE", topics: 2)
        state.sent("PSUBSCRIBE", topics: 1)
        state.sent("SSUBSCRIBE", topics: 1)
        #expect(try state.received(self.confirmation("subscribe", "a", 1, .resp2)) == nil)
        #expect(try state.received(self.confirmation("subscribe", "b", 2, .resp2)) == .passed)
        #expect(try state.received(self.confirmation("psubscribe", "p*", 3, .resp2)) == .passed)
        #expect(try state.received(self.confirmation("ssubscribe", "s", 1, .resp2)) == .passed)
        state.sent("UNSUBSCRIBE", topics: 0)
        state.sent("PUNSUBSCRIBE", topics: 0)
        #expect(try state.received(self.confirmation("unsubscribe", "a", 2, .resp2)) == nil)
        #expect(try state.received(self.confirmation("unsubscribe", "b", 1, .resp2)) == .passed)
        #expect(state.isSubscribed && !state.isQuiet)
        #expect(try state.received(self.confirmation("punsubscribe", "p*", 0, .resp2)) == .passed)
        #expect(state.isSubscribed && state.isQuiet)
        // None is left of channels, and the shard's one does not count.
        state.sent("UNSUBSCRIBE", topics: 0)
        #expect(try state.received(self.confirmation("unsubscribe", nil, 0, .resp2)) == .passed)
        state.sent("SUNSUBSCRIBE", topics: 0)
        #expect(try state.received(self.confirmation("sunsubscribe", "s", 0, .resp2)) == .passed)
        #expect(!state.isSubscribed)
    }

    @Test func anErrorAnswersTheCommandAsAWhole() throws {
        var state = self.state
        state.sent("SUBSCRIBE", topics: 3)
        state.sent(replies: 1)
        #expect(try state.received(self.frame("-NOPERM no\r\n")) == .passed)
        #expect(!state.isQuiet)
        #expect(try state.received(self.frame("+PONG\r\n")) == .passed)
        #expect(state.isQuiet && !state.isSubscribed)
        // Without topics it is an error.
        state.sent("SUBSCRIBE", topics: 0)
        #expect(try state.received(self.frame("-ERR wrong number of arguments for 'subscribe' command\r\n")) == .passed)
        #expect(state.isQuiet && !state.isSubscribed)
    }

    @Test func otherRepliesComeBetween() throws {
        var state = self.state
        state.sent("SUBSCRIBE", topics: 1)
        state.sent(replies: 2)
        state.sent("PSUBSCRIBE", topics: 1)
        #expect(try state.received(self.confirmation("subscribe", "a", 1, .resp3)) == .passed)
        #expect(try state.received(self.message(.resp3)) == nil)
        #expect(try state.received(self.frame("$5\r\nhello\r\n")) == .passed)
        #expect(try state.received(self.message(.resp3)) == nil)
        #expect(try state.received(self.frame(">2\r\n\(bulk("invalidate"))*1\r\n\(bulk("key"))")) == nil)
        #expect(try state.received(self.frame("*3\r\n:1\r\n:2\r\n:3\r\n")) == .passed)
        #expect(try state.received(self.confirmation("psubscribe", "a*", 2, .resp3)) == .passed)
        #expect(state.isQuiet)
    }

    /// In RESP2 a PING of a subscriber is answered by an array.
    @Test func aPongIsAReply() throws {
        var state = self.state
        state.sent("SUBSCRIBE", topics: 1)
        #expect(try state.received(self.confirmation("subscribe", "a", 1, .resp2)) == .passed)
        state.sent(replies: 1)
        #expect(try state.received(self.message(.resp2)) == nil)
        #expect(try state.received(self.frame("*2\r\n\(bulk("pong"))\(bulk(""))")) == .passed)
        #expect(state.isQuiet)
    }

    /// Nobody is subscribed: what looks like a message is a value.
    @Test func aReplyThatLooksLikeAMessageIsAReply() throws {
        var state = self.state
        state.sent("SUBSCRIBE", topics: 1)
        #expect(try state.received(self.confirmation("subscribe", "a", 1, .resp2)) == .passed)
        state.sent("UNSUBSCRIBE", topics: 1)
        #expect(try state.received(self.confirmation("unsubscribe", "a", 0, .resp2)) == .passed)
        state.sent(replies: 1)
        #expect(try state.received(self.message(.resp2)) == .passed)
        #expect(state.isQuiet)
    }

    @Test(arguments: [RESPVersion.resp2, .resp3])
    func theServerMayEndASubscriptionByItself(_ version: RESPVersion) throws {
        var state = self.state
        state.sent("SSUBSCRIBE", topics: 2)
        #expect(try state.received(self.confirmation("ssubscribe", "a", 1, version)) == nil)
        #expect(try state.received(self.confirmation("ssubscribe", "b", 2, version)) == .passed)
        #expect(try state.received(self.confirmation("sunsubscribe", "a", 1, version)) == nil)
        #expect(state.isSubscribed && state.isQuiet)
        // It stands before another reply that is due.
        state.sent(replies: 1)
        #expect(try state.received(self.confirmation("sunsubscribe", "b", 0, version)) == nil)
        #expect(!state.isSubscribed && !state.isQuiet)
        #expect(try state.received(self.frame("+PONG\r\n")) == .passed)
        #expect(state.isQuiet)
    }

    /// RESP3 pushes what is of subscriptions: an array that looks like it is a value.
    @Test func inRESP3AnArrayIsAReply() throws {
        var state = self.state
        state.sent("SUBSCRIBE", topics: 1)
        #expect(try state.received(self.confirmation("subscribe", "a", 1, .resp3)) == .passed)
        for frame in [try self.message(.resp2), try self.confirmation("unsubscribe", "a", 0, .resp2)] {
            state.sent(replies: 1)
            #expect(state.received(frame, .resp3) == .passed)
        }
        #expect(state.isSubscribed && state.isQuiet)
    }

    /// What a reply is for is told with it.
    @Test func whatIsDueIsTold() throws {
        var state = self.state
        state.sent("SUBSCRIBE", topics: 1)
        state.sent(replies: 1, .swallowed)
        state.sent(replies: 1, .ending)
        state.sent(replies: 1, .moving)
        #expect(try state.received(self.confirmation("subscribe", "a", 1, .resp3)) == .passed)
        #expect(try state.received(self.frame("+OK\r\n")) == .swallowed)
        #expect(try state.received(self.message(.resp3)) == nil)
        #expect(try state.received(self.frame("*0\r\n")) == .ending)
        #expect(try state.received(self.frame("-ERR\r\n")) == .moving)
        #expect(state.isQuiet)
    }

    @Test func whatNobodyAskedForAnswersNothing() throws {
        var state = self.state
        #expect(try state.received(self.frame("+OK\r\n")) == nil)
        #expect(try state.received(self.confirmation("unsubscribe", nil, 0, .resp2)) == nil)
        #expect(state.isQuiet && !state.isSubscribed)
    }
}

extension RedisSubscriptionState {
    /// - Returns: what was due.
    fileprivate mutating func received(_ frame: RESPFrame, _ version: RESPVersion = .resp2) -> RedisLeasedRelay.Due? {
        self.received(frame.bytes, version: frame.kind == .push ? .resp3 : version).due
    }
}
