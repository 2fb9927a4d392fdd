import NIOCore
import Testing
import WeirRESP

@testable import WeirRedis

@Suite struct ArgumentTests {
    private func words<Reply>(_ command: RedisCommand<Reply>) -> [String] {
        (0..<command.request.count).map { String(buffer: command.request[$0]) }
    }

    @Test func argumentsAreWrittenAsTheyAre() {
        #expect(self.words(.hset("h", ["f": 1.5])) == ["h", "f", "1.5"])
        #expect(self.words(.rpush("l", [1, -2])) == ["l", "1", "-2"])
        #expect(self.words(.rpush("l", [1, "two", 3.5, "fo\("ur")"] as [RedisValue])) == ["l", "1", "two", "3.5", "four"])
        #expect(self.words(.set(Int64.min, to: UInt64.max)) == ["-9223372036854775808", "18446744073709551615"])
        #expect(self.words(.set("a b"[...].prefix(1), to: [0x41, 0x42] as [UInt8])) == ["a", "AB"])
        #expect(self.words(.zadd("z", "m", score: -.infinity)) == ["z", "-inf", "m"])
    }

    /// A buffer that is read from somewhere in its middle is passed as it is.
    @Test func buffersAreNotCopied() {
        var buffer = ByteBuffer(string: "xxkey")
        buffer.moveReaderIndex(forwardBy: 2)
        let address = buffer.withUnsafeReadableBytes { $0.baseAddress }
        let request = RedisCommand<ByteBuffer?>.get(buffer).request
        #expect(request[0].withUnsafeReadableBytes { $0.baseAddress } == address)
    }

    @Test func timesAreRoundedUp() {
        #expect(self.words(.set("k", to: "v", expiry: .nanoseconds(1))) == ["k", "v", "PX", "1"])
        #expect(self.words(.expire("k", after: .microseconds(1001))) == ["k", "2"])
        #expect(self.words(.blpop(["k"], timeout: .milliseconds(1))) == ["k", "0.001"])
        #expect(self.words(.blpop(["k"], timeout: .seconds(3))) == ["k", "3"])
        #expect(self.words(.blpop(["k"], timeout: .zero)) == ["k", "0.001"])
        #expect(self.words(.blpop(["k"], timeout: nil)) == ["k", "0"])
        #expect(self.words(.expire("k", after: .nanoseconds(.min))) == ["k", "1"])
    }

    @Test func keysAreKnownWithoutAny() {
        #expect(RedisCommand.mget([String]()).request.keyArguments == [])
        #expect(RedisCommand.mset([String: String]()).request.keyArguments == [])
        #expect(RedisCommand.zunion([String]()).request.keyArguments == [])
        #expect(RedisCommand.zunionstore([String](), in: "d").request.keyArguments == [b("d")])
        #expect(RedisCommand.blpop([String](), timeout: nil).request.keyArguments == [])
    }

    @Test func keysAreKnownAmongMany() {
        let keys = (0..<70_000).map { "k\($0)" }
        #expect(RedisCommand.zunionstore(keys, in: "d").request.keyArguments.count == 70_001)
        #expect(RedisCommand.raw(["EVAL", "x", "1", "k", "a"].map(b), keys: .counted(1, at: 2)).request.keyArguments == [b("k")])
        #expect(
            RedisCommand.raw(["ZUNIONSTORE", "d", "1", "k"].map(b), keys: .counted(1, at: 2).and(0)).request.keyArguments == [
                b("d"), b("k"),
            ])
    }

    @Test(arguments: ["", "1", "1-", "-1", "1-2-3", "+1-2", "1-+2", "1 -2", "18446744073709551616-0", "0x1-0"]) func othersAreNoStreamIDs(
        text: String
    ) {
        #expect(RedisStreamID(text) == nil)
    }

    @Test func streamIDsAreReadAsTheyAreWritten() {
        for id in [RedisStreamID.zero, RedisStreamID(.max, .max), RedisStreamID(1, 2)] { #expect(RedisStreamID(id.description) == id) }
        #expect(RedisStreamID(1, 9) < RedisStreamID(2, 0))
    }

    /// The examples of FIPS 180-4.
    @Test func digestsAreThoseOfTheStandard() {
        #expect(String(buffer: RedisScript("abc").digest) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(String(buffer: RedisScript("").digest) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    }
}
