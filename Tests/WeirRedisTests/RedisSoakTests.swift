import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import RedisProcess
import Testing
import WeirCore
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// Many receivers on several loops against a server that pauses and kills connections: each request ends once, with its own answer.
@Suite struct RedisSoakTests {
    /// Requests in all; `WEIR_REDIS_SOAK` sets another number.
    private static let requests = ProcessInfo.processInfo.environment["WEIR_REDIS_SOAK"].flatMap { Int($0) } ?? 50_000

    @Test func everyRequestEndsOnceWithItsOwnAnswer() async throws {
        let own = TestServer.realURL != nil && OwnRedis.program != nil ? try await OwnRedis.start() : nil
        let embedded = own == nil ? try await EmbeddedRESPServer.start(on: testGroup).get() : nil
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 4)
        var pool = PoolConfiguration(maximum: 16)
        pool.backoff = Backoff(initial: .milliseconds(1), maximum: .milliseconds(20), multiplier: 2, jitter: .equal)
        var configuration = RedisConfiguration.patient
        configuration.stallTimeout = .milliseconds(50)
        configuration.sharedConnections = 2
        let url = own?.url ?? RedisURL(host: "127.0.0.1", port: embedded!.port)
        let redis = RedisPool(url: url, group: group, configuration: configuration, pool: pool)
        let loops = Array(group.makeIterator())

        let begun = ContinuousClock.now
        let isOver = NIOLockedValueBox(false)
        let progress = NIOLockedValueBox(0)
        let address = own?.address
        let chaos = Task {
            var rounds = 0
            var next = 0
            while !isOver.withLockedValue({ $0 }) {
                // Some hundred requests in between, however fast this machine is.
                guard progress.withLockedValue({ $0 }) >= next else {
                    try await Task.sleep(for: .milliseconds(1))
                    continue
                }
                next = progress.withLockedValue { $0 } + Int.random(in: 300...1500)
                rounds += 1
                if let address {
                    if rounds % 3 == 0 { _ = try await OwnRedis.ask(address, "CLIENT", "PAUSE", "\(Int.random(in: 1...80))", "ALL") }
                    if rounds % 3 == 1 { _ = try await OwnRedis.ask(address, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }
                } else if rounds % 3 == 1 {
                    try await embedded!.closeConnections().get()
                }
            }
            return rounds
        }
        let drivers = try await withThrowingTaskGroup(of: SoakDriver.Tally.self) { tasks in
            for (index, loop) in loops.enumerated() {
                tasks.addTask {
                    try await loop.flatSubmit {
                        SoakDriver(redis[loop], index: index, requests: Self.requests / loops.count, progress: progress).run()
                    }.get()
                }
            }
            return try await tasks.reduce(into: [SoakDriver.Tally]()) { $0.append($1) }
        }
        let time = ContinuousClock.now - begun
        isOver.withLockedValue { $0 = true }
        let rounds = try await chaos.value

        let tally = drivers.reduce(into: SoakDriver.Tally()) { $0.add($1) }
        let statistics = try await redis.connections.statistics().get()
        print("soak: \(tally) in \(time), \(rounds) disturbances, \(statistics.connects) connects")
        #expect(tally.sent == Self.requests / loops.count * loops.count)
        #expect(tally.ended == tally.sent)
        #expect(tally.wrong == 0 && tally.twice == 0)
        #expect(tally.replied > tally.sent / 2)
        #expect(statistics.dropped == 0 && statistics.leaks == 0)
        try await redis.shutdown(deadline: .now() + .seconds(30)).get()
        try await group.shutdownGracefully()
        own?.signal(SIGKILL)
        try await embedded?.shutdown().get()
    }
}

/// The requests of one loop: lanes of requests, one after the other in each. Touched on its loop only.
final class SoakDriver: RedisReplyReceiver {
    struct Tally: Sendable, CustomStringConvertible {
        var sent = 0
        var replied = 0
        var cancelled = 0
        var failed: [String: Int] = [:]
        /// Answers that are another's.
        var wrong = 0
        /// Answers to what had ended.
        var twice = 0

        var ended: Int { self.replied + self.cancelled + self.failed.values.reduce(0, +) }

        var description: String {
            let failed = self.failed.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            return
                "\(self.sent) sent, \(self.replied) replied, \(self.cancelled) cancelled, \(failed); wrong \(self.wrong), twice \(self.twice)"
        }

        mutating func add(_ other: Tally) {
            self.sent += other.sent
            self.replied += other.replied
            self.cancelled += other.cancelled
            self.failed.merge(other.failed, uniquingKeysWith: +)
            self.wrong += other.wrong
            self.twice += other.twice
        }
    }

    private enum Question {
        case echo(String)
        case set
        case get(String)
    }

    private static let lanes = 100
    private let redis: LocalRedis
    private let index: Int
    private let progress: NIOLockedValueBox<Int>
    private var left: Int
    private var tally = Tally()
    private var random: SplitMix64
    private let prefix = UInt64.random(in: 0 ... .max)
    /// What each lane waits for, and its number.
    private var questions = [(number: UInt64, question: Question)?](repeating: nil, count: SoakDriver.lanes)
    private var nextNumber: UInt64 = 0
    private var promise: EventLoopPromise<Tally>?
    /// What holds this until it is over.
    private var itself: SoakDriver?

    init(_ redis: LocalRedis, index: Int, requests: Int, progress: NIOLockedValueBox<Int>) {
        self.redis = redis
        self.progress = progress
        self.index = index
        self.left = requests
        self.random = SplitMix64(seed: UInt64(index) &+ 77)
    }

    func run() -> EventLoopFuture<Tally> {
        let promise = self.redis.loop.makePromise(of: Tally.self)
        self.promise = promise
        self.itself = self
        for lane in 0..<Self.lanes { self.ask(lane) }
        return promise.futureResult
    }

    private func key(_ lane: Int) -> String { "weir:soak:\(self.prefix):\(self.index):\(lane)" }

    private func ask(_ lane: Int) {
        guard self.left > 0 else { return self.finishIfOver() }
        self.left -= 1
        self.nextNumber += 1
        self.tally.sent += 1
        let number = self.nextNumber
        let question: Question
        var command: RedisCommand<RESPFrame>
        switch Int.random(in: 0..<3, using: &self.random) {
        case 0:
            let text = "\(self.key(lane)):\(number)" + String(repeating: "e", count: Int.random(in: 0..<100, using: &self.random))
            question = .echo(text)
            command = .raw("ECHO", text)
        case 1:
            let key = self.key(lane)
            question = .set
            command = .raw("SET", key, "\(key)=\(number)")
        default:
            let key = self.key(Int.random(in: 0..<Self.lanes, using: &self.random))
            question = .get(key)
            command = .raw("GET", key)
        }
        if Int.random(in: 0..<3, using: &self.random) > 0 { command = command.repeatable() }
        self.questions[lane] = (number, question)
        // One in fifty has hardly any time.
        let time: TimeAmount = number % 50 == 0 ? .microseconds(Int64.random(in: 0...3000, using: &self.random)) : .seconds(60)
        let ticket = self.redis.send(command, deadline: .now() + time, tag: number << 8 | UInt64(lane), to: self)
        // One in forty is taken back, in the same pass or later.
        guard number % 40 == 0, let ticket else { return }
        if number % 80 == 0 {
            self.cancel(ticket, lane, number)
        } else {
            let delay = TimeAmount.microseconds(Int64.random(in: 0...2000, using: &self.random))
            self.redis.loop.assumeIsolated().scheduleTask(in: delay) { self.cancel(ticket, lane, number) }
        }
    }

    private func cancel(_ ticket: RedisTicket, _ lane: Int, _ number: UInt64) {
        let isWaiting = self.questions[lane]?.number == number
        let wasWaiting = self.redis.cancel(ticket)
        if isWaiting != wasWaiting { self.tally.wrong += 1 }
        guard isWaiting else { return }
        self.tally.cancelled += 1
        self.next(lane)
    }

    /// The next pass asks: a chain of refusals does not grow the stack.
    private func next(_ lane: Int, after time: TimeAmount = .zero) {
        self.questions[lane] = nil
        if time > .zero {
            self.redis.loop.assumeIsolated().scheduleTask(in: time) { self.ask(lane) }
        } else {
            self.redis.loop.assumeIsolated().execute { self.ask(lane) }
        }
    }

    private func finishIfOver() {
        guard self.left == 0, self.tally.ended == self.tally.sent, let promise = self.promise.take() else { return }
        // What is over stays over: a late answer would count as a second one.
        self.redis.loop.assumeIsolated().scheduleTask(in: .milliseconds(200)) {
            promise.succeed(self.tally)
            self.itself = nil
        }
    }

    private func question(_ tag: UInt64) -> (lane: Int, question: Question)? {
        let (lane, number) = (Int(tag & 0xFF), tag >> 8)
        guard let waiting = self.questions[lane], waiting.number == number else {
            self.tally.twice += 1
            return nil
        }
        return (lane, waiting.question)
    }

    func redisReplied(_ reply: RESPFrame, tag: UInt64) {
        guard let (lane, question) = self.question(tag) else { return }
        let text = reply.string.map { String(buffer: $0) }
        let isRight =
            switch question {
            case .echo(let sent): text == sent
            case .set: text == "OK"
            case .get(let key): reply.isNull || text?.hasPrefix("\(key)=") == true
            }
        if !isRight { self.tally.wrong += 1 }
        self.tally.replied += 1
        if self.tally.replied % 50 == 0 { self.progress.withLockedValue { $0 += 50 } }
        self.next(lane)
    }

    func redisFailed(_ error: RedisError, tag: UInt64) {
        guard let (lane, _) = self.question(tag) else { return }
        self.tally.failed["\(error.code)\(error.mayHaveRun ? " (may have run)" : "")", default: 0] += 1
        self.next(lane, after: error.code == .noConnection ? .milliseconds(1) : .zero)
    }
}
