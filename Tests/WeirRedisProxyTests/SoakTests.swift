import Foundation
import NIOConcurrencyHelpers
import NIOCore
import RedisProcess
import Testing
import WeirCore
import WeirPool
import WeirRESP

@testable import WeirRedis

/// Many clients that do everything at once, and vanish, in front of a server that kills connections and is restarted: each reply is its
/// client's own, and nothing is left in the end.
@Suite(.enabled(if: OwnRedis.program != nil, "needs a redis-server")) struct SoakTests {
    /// Seconds; `WEIR_SOAK_SECONDS` sets another number. From a minute on there are 1,000 clients.
    private static let seconds = ProcessInfo.processInfo.environment["WEIR_SOAK_SECONDS"].flatMap { Int($0) } ?? 5
    private static let seed = ProcessInfo.processInfo.environment["WEIR_SOAK_SEED"].flatMap { UInt64($0) } ?? 1

    @Test func everyReplyIsItsClientsOwn() async throws {
        let count = Self.seconds >= 60 ? 1000 : 200
        let redis = try await OwnRedis.start("--maxclients", "5000")
        var configuration = RedisProxyConfiguration.patient
        configuration.connectionTimeout = .seconds(20)
        let proxy = try await TestProxy.start(redis.url, configuration: configuration, connections: 200)
        let soak = Soak(proxy: proxy, server: redis.address, end: .now() + .seconds(Int64(Self.seconds)))
        let publisher = Task { await soak.publish() }
        let clients = Task {
            await withTaskGroup(of: Void.self) { tasks in
                for number in 0..<count { tasks.addTask { await SoakClient(number, seed: Self.seed, soak).run() } }
            }
        }
        // Disturbs until the clients have ended.
        var (kills, restarts) = (0, 0)
        while !soak.isOver {
            try await Task.sleep(for: .milliseconds(700))
            if restarts == 0, soak.isHalfOver {
                soak.tally.withLockedValue { $0.restarts += 1 }
                await redis.crash()
                try await redis.restart()
                // Once more: what was acknowledged meanwhile may have been before it.
                soak.tally.withLockedValue { $0.restarts += 1 }
                restarts += 1
            } else if (try? await redis.ask("CLIENT", "KILL", "TYPE", "normal")) != nil {
                kills += 1
            }
        }
        await clients.value
        publisher.cancel()
        await publisher.value

        let tally = soak.tally.withLockedValue { $0 }
        print("soak: seed \(Self.seed), \(count) clients, \(tally), \(kills) kills, \(restarts) restarts")
        #expect(tally.wrong.isEmpty, "seed \(Self.seed): \(tally.wrong)")
        #expect(tally.replies > count)
        try await eventually("sessions stay") { try await proxy.openSessions() == 0 }
        try await eventually("leases stay") { try await proxy.statistics().active <= proxy.loops }
        try await eventually("connections are not clean") { try await ServerClients.of(redis.address).areClean }
        let statistics = try await proxy.statistics()
        #expect(statistics.waiting == 0 && statistics.dropped == 0)
        #expect(try await ServerClients.of(redis.address).lines.count <= statistics.active + statistics.idle)
        try await proxy.proxy.shutdown().get()
        try await eventually("connections stay") { try await ServerClients.of(redis.address).lines.isEmpty }
        try await proxy.shutdown()
    }
}

/// What the clients of a soak share.
private final class Soak: Sendable {
    struct Tally: CustomStringConvertible {
        var sessions = 0
        var replies = 0
        var transactions = 0
        var conflicts = 0
        var messages = 0
        var blocks = 0
        var moves = 0
        var vanished = 0
        var disconnected = 0
        var refusals = 0
        var restarts = 0
        var wrong: [String] = []

        var description: String {
            "\(self.sessions) sessions, \(self.replies) replies, \(self.transactions) transactions, \(self.conflicts) conflicts, "
                + "\(self.messages) messages, \(self.blocks) blocks, \(self.moves) moves, \(self.vanished) vanished, "
                + "\(self.disconnected) disconnected, \(self.refusals) refused, wrong \(self.wrong.count)"
        }
    }

    let proxy: TestProxy
    let server: SocketAddress
    let tally = NIOLockedValueBox(Tally())
    private let begin = NIODeadline.now()
    private let end: NIODeadline

    init(proxy: TestProxy, server: SocketAddress, end: NIODeadline) {
        self.proxy = proxy
        self.server = server
        self.end = end
    }

    var isOver: Bool { .now() >= self.end }
    var isHalfOver: Bool { .now() - self.begin >= self.end - .now() }

    func count(_ counter: WritableKeyPath<Tally, Int>) { self.tally.withLockedValue { $0[keyPath: counter] += 1 } }
    func wrong(_ text: String) { self.tally.withLockedValue { if $0.wrong.count < 10 { $0.wrong.append(text) } } }
    var restarts: Int { self.tally.withLockedValue { $0.restarts } }

    static let channels = 8

    /// Publishes as long as it takes, so that no subscriber waits in vain.
    func publish() async {
        var number = 0
        while !Task.isCancelled {
            guard let client = try? await TestClient.connect(self.server, mayEnd: true) else { continue }
            do {
                while !Task.isCancelled {
                    number += 1
                    client.send(commands((0..<Self.channels).map { ["PUBLISH", "channel\($0)", "channel\($0) \(number)"] }))
                    _ = try await client.replies(Self.channels)
                    try await Task.sleep(for: .milliseconds(5))
                }
            } catch {}
            await client.close()
        }
    }
}

/// One client after the other of one number: it alone writes its keys, which name it.
private final class SoakClient {
    private let number: Int
    private let soak: Soak
    private var random: SplitMix64
    private var sequence = 0
    /// What was set last and acknowledged, by database; and as of which restart.
    private var known: [Int: (sequence: Int, restarts: Int)] = [:]
    private var database = 0
    private var version = 2

    init(_ number: Int, seed: UInt64, _ soak: Soak) {
        self.number = number
        self.soak = soak
        self.random = SplitMix64(seed: seed &* 1_000_003 &+ UInt64(number))
    }

    private struct Wrong: Error {}

    func run() async {
        while !self.soak.isOver {
            guard let client = try? await TestClient.connect(self.soak.proxy.address, mayEnd: true) else { continue }
            self.soak.count(\.sessions)
            (self.database, self.version) = (0, 2)
            do {
                for _ in 0..<Int.random(in: 1...30, using: &self.random) where !self.soak.isOver { try await self.act(client) }
                await self.vanish(client)
            } catch is Wrong {
                await client.close()
            } catch {
                self.soak.count(\.disconnected)
                await client.close()
            }
        }
    }

    /// At some moment, whatever is under way.
    private func vanish(_ client: TestClient) async {
        self.soak.count(\.vanished)
        let unfinished: [[[String]]] = [
            [], [["MULTI"], ["SET", "ghost", "1"]], [["WATCH", "ghost"]], [["BLPOP", "nothing", "0"]],
            [["BLPOP", "nothing", "0"], ["PING"]],
            [["SUBSCRIBE", "channel1"]], [["CLIENT", "ID"]], [["XREAD", "BLOCK", "0", "STREAMS", "nothing", "$"]], [["MONITOR"]],
            (0..<100).map { ["ECHO", "\($0)"] }, [["SELECT", "3"], ["HELLO", "3"]], [["MULTI"], ["PING"], ["EXEC"]],
        ]
        client.send(commands(unfinished.randomElement(using: &self.random)!))
        if Bool.random(using: &self.random) { client.send("*2\r\n$3\r\nGE") }
        if Bool.random(using: &self.random) { try? await Task.sleep(for: .milliseconds(Int.random(in: 0...5, using: &self.random))) }
        switch Int.random(in: 0..<4, using: &self.random) {
        case 0...1: await client.reset()
        case 2: await client.close()
        default:
            // The proxy ends it: with nothing under way at once.
            client.send("QUIT\r\n")
            await client.close()
        }
    }

    // MARK: Actions

    private func act(_ client: TestClient) async throws {
        switch Int.random(in: 0..<20, using: &self.random) {
        case 0..<9: try await self.pipeline(client)
        case 9..<11: try await self.transaction(client)
        case 11: try await self.conflict(client)
        case 12..<14: try await self.subscription(client)
        case 14..<16: try await self.block(client)
        case 16..<18: try await self.select(client)
        default: try await self.hello(client)
        }
    }

    private var key: String { "soak:\(self.number)" }

    private func next() -> String {
        self.sequence += 1
        return "\(self.number):\(self.database):\(self.sequence)"
    }

    /// The next reply; nil for the proxy's error when there is no connection.
    private func reply(_ client: TestClient) async throws -> RESPFrame? {
        let frame = try await client.frame()
        self.soak.count(\.replies)
        guard frame.bytes == RedisProxyHandler.unreachable else { return frame }
        self.soak.count(\.refusals)
        return nil
    }

    private func expect(_ frame: RESPFrame?, _ text: String, _ what: String) throws {
        guard let frame, String(buffer: frame.bytes) != text else { return }
        throw self.wrong("\(what): \(String(buffer: frame.bytes).debugDescription) for \(text.debugDescription)")
    }

    private func wrong(_ text: String) -> Wrong {
        self.soak.wrong("client \(self.number): \(text)")
        return Wrong()
    }

    private var null: String { self.version == 3 ? "_\r\n" : "$-1\r\n" }
    private var nullArray: String { self.version == 3 ? "_\r\n" : "*-1\r\n" }

    /// What was set last, or nothing if the server has been restarted meanwhile.
    private func expectValue(_ frame: RESPFrame?, _ what: String) throws {
        guard let frame else { return }
        if frame.isNull {
            guard let known = self.known[self.database], known.restarts == self.soak.restarts else { return }
            throw self.wrong("\(what): nothing for \(known.sequence) in \(self.database)")
        }
        let parts = (frame.string.map { String(buffer: $0) } ?? "").split(separator: ":").compactMap { Int($0) }
        guard parts.count == 3, parts[0] == self.number, parts[1] == self.database, parts[2] <= self.sequence else {
            throw self.wrong("\(what): \(String(buffer: frame.bytes).debugDescription) in \(self.database)")
        }
        if let known = self.known[self.database], known.restarts == self.soak.restarts, parts[2] < known.sequence {
            throw self.wrong("\(what): \(parts[2]) after \(known.sequence)")
        }
    }

    private func pipeline(_ client: TestClient) async throws {
        enum Question {
            case echo(String)
            case set(Int)
            case get
            case name(String)
        }
        var (sent, questions) = ([[String]](), [Question]())
        for _ in 0..<Int.random(in: 1...50, using: &self.random) {
            switch Int.random(in: 0..<10, using: &self.random) {
            case 0..<4:
                let text = self.next() + String(repeating: "e", count: Int.random(in: 0...200, using: &self.random))
                sent.append(["ECHO", text])
                questions.append(.echo(text))
            case 4..<6:
                let value = self.next()
                sent.append(["SET", self.key, value])
                questions.append(.set(self.sequence))
            case 6..<9:
                sent.append(["GET", self.key])
                questions.append(.get)
            default:
                let name = self.next()
                sent += [["CLIENT", "SETNAME", name], ["CLIENT", "GETNAME"]]
                questions += [.echo("+OK"), .name(name)]
            }
        }
        let bytes = commands(sent)
        // As of before it was sent: what a restart may have taken away is not sure.
        let restarts = self.soak.restarts
        if Bool.random(using: &self.random) {
            let cut = Int.random(in: 0...bytes.readableBytes, using: &self.random)
            try await client.sent(bytes.getSlice(at: 0, length: cut)!)
            client.send(bytes.getSlice(at: cut, length: bytes.readableBytes - cut)!)
        } else {
            client.send(bytes)
        }
        for question in questions {
            let frame = try await self.reply(client)
            switch question {
            case .echo("+OK"): try self.expect(frame, "+OK\r\n", "SETNAME")
            case .echo(let text), .name(let text): try self.expect(frame, bulk(text), "ECHO")
            case .set(let sequence):
                try self.expect(frame, "+OK\r\n", "SET")
                if frame != nil { self.known[self.database] = (sequence, restarts) }
            case .get: try self.expectValue(frame, "GET")
            }
        }
    }

    private func transaction(_ client: TestClient) async throws {
        let value = self.next()
        let sequence = self.sequence
        let restarts = self.soak.restarts
        client.send(
            commands([["MULTI"], ["SET", self.key, value], ["GET", self.key], ["ECHO", value], ["EXEC"], ["ECHO", "after \(value)"]]))
        let begun = try await self.reply(client)
        try self.expect(begun, "+OK\r\n", "MULTI")
        for _ in 0..<3 { try self.expect(try await self.reply(client), "+QUEUED\r\n", "in MULTI") }
        try self.expect(try await self.reply(client), "*3\r\n+OK\r\n\(bulk(value))\(bulk(value))", "EXEC")
        self.known[self.database] = (sequence, restarts)
        try self.expect(try await self.reply(client), bulk("after \(value)"), "after EXEC")
        self.soak.count(\.transactions)
    }

    /// A watched key is changed before the transaction, by a connection of another's or by the same.
    private func conflict(_ client: TestClient) async throws {
        let value = self.next()
        let sequence = self.sequence
        let restarts = self.soak.restarts
        client.send(
            commands([
                ["WATCH", self.key], ["SET", self.key, value], ["MULTI"], ["SET", self.key, "never"], ["EXEC"], ["GET", self.key],
            ]))
        try self.expect(try await self.reply(client), "+OK\r\n", "WATCH")
        try self.expect(try await self.reply(client), "+OK\r\n", "SET after WATCH")
        self.known[self.database] = (sequence, restarts)
        try self.expect(try await self.reply(client), "+OK\r\n", "MULTI after WATCH")
        try self.expect(try await self.reply(client), "+QUEUED\r\n", "in MULTI after WATCH")
        try self.expect(try await self.reply(client), self.nullArray, "EXEC after WATCH")
        try self.expectValue(try await self.reply(client), "GET after EXEC")
        self.soak.count(\.conflicts)
    }

    private func subscription(_ client: TestClient) async throws {
        let channel = "channel\(Int.random(in: 0..<Soak.channels, using: &self.random))"
        let begin = self.version == 3 ? ">" : "*"
        let mark = self.next()
        client.send(["SUBSCRIBE", channel])
        guard let first = try await self.reply(client) else { return }
        try self.expect(first, "\(begin)3\r\n\(bulk("subscribe"))\(bulk(channel)):1\r\n", "SUBSCRIBE")
        func isMessage(_ frame: RESPFrame?) -> Bool {
            guard let frame, let parts = frame.elements.map({ $0.compactMap { $0.string.map { String(buffer: $0) } } }) else {
                return false
            }
            guard parts.count == 3, parts[0] == "message" else { return false }
            self.soak.count(\.messages)
            return parts[1] == channel && parts[2].hasPrefix("\(channel) ")
        }
        for _ in 0..<Int.random(in: 1...3, using: &self.random) {
            let frame = try await self.reply(client)
            guard isMessage(frame) else { throw self.wrong("no message: \(frame.map { String(buffer: $0.bytes) } ?? "")") }
        }
        client.send(commands([["UNSUBSCRIBE"], ["ECHO", mark]]))
        var frame = try await self.reply(client)
        while isMessage(frame) { frame = try await self.reply(client) }
        try self.expect(frame, "\(begin)3\r\n\(bulk("unsubscribe"))\(bulk(channel)):0\r\n", "UNSUBSCRIBE")
        try self.expect(try await self.reply(client), bulk(mark), "after UNSUBSCRIBE")
    }

    private func block(_ client: TestClient) async throws {
        let (list, value) = ("list:\(self.number)", self.next())
        client.send(
            commands([
                ["DEL", list], ["RPUSH", list, value], ["BLPOP", list, "0"], ["BLPOP", list, "0.005"],
                ["XREAD", "BLOCK", "3", "STREAMS", "stream:\(self.number)", "$"], ["ECHO", value],
            ]))
        _ = try await self.reply(client)
        guard let pushed = try await self.reply(client) else {
            // Then BLPOP may wait for ever.
            throw Ended()
        }
        try self.expect(pushed, ":1\r\n", "RPUSH")
        let restarts = self.soak.restarts
        // After a restart nothing comes: who waits for it was disconnected, or waits for ever.
        let frame = try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { [soak] in
                while soak.restarts == restarts { try await Task.sleep(for: .milliseconds(50)) }
                try await Task.sleep(for: .seconds(1))
                await client.close()
            }
            defer { tasks.cancelAll() }
            return try await self.reply(client)
        }
        try self.expect(frame, "*2\r\n\(bulk(list))\(bulk(value))", "BLPOP")
        let second = try await self.reply(client)
        // If the first was refused, it has something to take.
        if frame != nil { try self.expect(second, self.nullArray, "BLPOP without anything") }
        try self.expect(try await self.reply(client), self.nullArray, "XREAD")
        try self.expect(try await self.reply(client), bulk(value), "after BLPOP")
        self.soak.count(\.blocks)
    }

    private func select(_ client: TestClient) async throws {
        let database = Int.random(in: 0..<4, using: &self.random)
        client.send(commands([["SELECT", "\(database)"], ["SELECT", "99"], ["GET", self.key]]))
        let frame = try await self.reply(client)
        try self.expect(frame, "+OK\r\n", "SELECT")
        if frame != nil { self.database = database }
        try self.expect(try await self.reply(client), "-ERR DB index is out of range\r\n", "SELECT 99")
        try self.expectValue(try await self.reply(client), "GET after SELECT")
        self.soak.count(\.moves)
    }

    private func hello(_ client: TestClient) async throws {
        let version = Int.random(in: 2...3, using: &self.random)
        client.send(commands([["HELLO", "\(version)"], ["HGETALL", "nothing"], ["GET", self.key]]))
        let frame = try await self.reply(client)
        if let frame {
            guard frame.kind == (version == 3 ? .map : .array) else { throw self.wrong("HELLO: \(frame)") }
            self.version = version
        }
        try self.expect(try await self.reply(client), self.version == 3 ? "%0\r\n" : "*0\r\n", "HGETALL after HELLO")
        try self.expectValue(try await self.reply(client), "GET after HELLO")
        self.soak.count(\.moves)
    }
}
