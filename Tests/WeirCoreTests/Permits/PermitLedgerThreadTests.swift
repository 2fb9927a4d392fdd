import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import WeirCore

/// The ledger on real threads: each is a loop with an account and a mailbox, and does what it likes.
@Suite struct PermitLedgerThreadTests {
    /// The shapes of the rounds: scarce, more than enough, greater floors, no pot at all.
    @Test(arguments: [(2, 3, 1), (4, 6, 1), (4, 4, 1), (3, 12, 2), (4, 40, 1)])
    func theLimitHoldsAndNobodyIsForgotten(loops: Int, limit: Int, floor: Int) throws {
        let threads = NIOThreadPool(numberOfThreads: loops)
        threads.start()
        for seed in 0..<60 {
            let round = try PermitRound(loops: loops, limit: limit, floor: floor, seed: UInt64(seed))
            try round.run(on: threads, steps: 300)
            round.settle()
            let problem = round.problemAtRest()
            #expect(problem == nil, "seed \(seed)")
            round.giveEverythingBack()
            let leftOver = round.problemWhenAllIsBack()
            #expect(leftOver == nil, "seed \(seed)")
            #expect(round.mostHeld <= limit, "seed \(seed): more permits were held at once than there are")
        }
        try threads.syncShutdownGracefully()
    }

    /// Two loops want more than there is, give back at once what they get and never give up: each gets its permits until the end.
    @Test func contendersServeEachOther() throws {
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        let round = try PermitRound(loops: 2, limit: 3, floor: 1, seed: 7)
        let served = try round.contend(on: threads, uses: 2_000)
        #expect(served == [2_000, 2_000])
        #expect(round.mostHeld <= 3)
        round.settle()
        round.giveEverythingBack()
        let leftOver = round.problemWhenAllIsBack()
        #expect(leftOver == nil)
        try threads.syncShutdownGracefully()
    }
}

/// Some loops' worth of random use of one ledger.
private final class PermitRound: Sendable {
    /// What one loop knows. Touched by its thread while that runs, and by the test's thread before and after.
    private final class Loop {
        let account: PermitAccount
        var random: SplitMix64
        /// It said that it starves, and has heard nothing since.
        var isWaiting = false
        var uses = 0

        init(_ account: PermitAccount, seed: UInt64) {
            self.account = account
            self.random = SplitMix64(seed: seed)
        }
    }

    private let ledger: PermitLedger
    private let mailboxes: [NIOLockedValueBox<[PermitMessage]>]
    // Each is touched by one thread at a time: the pool's threads start after init and are waited for.
    nonisolated(unsafe) private let loops: [Loop]
    /// Permits in use: counted after one is had and before it is given back, so never more than are held.
    private let inUse = Synchronization.Atomic(0)
    private let most = Synchronization.Atomic(0)

    var mostHeld: Int { self.most.load(ordering: .sequentiallyConsistent) }

    init(loops: Int, limit: Int, floor: Int, seed: UInt64) throws {
        let mailboxes = (0..<loops).map { _ in NIOLockedValueBox<[PermitMessage]>([]) }
        let ledger = try PermitLedger(limit: limit, loops: loops, floor: floor) { loop, message in
            mailboxes[loop].withLockedValue { $0.append(message) }
        }
        self.mailboxes = mailboxes
        self.ledger = ledger
        self.loops = (0..<loops).map { Loop(ledger.account(ofLoop: $0), seed: seed &* 31 &+ UInt64($0)) }
    }

    // MARK: On threads

    func run(on threads: NIOThreadPool, steps: Int) throws {
        try self.onAllAtOnce(threads) { loop in
            for _ in 0..<steps { self.step(loop) }
        }
    }

    /// - Returns: how many permits each loop got.
    func contend(on threads: NIOThreadPool, uses: Int) throws -> [Int] {
        let deadline = NIODeadline.now() + .seconds(60)
        try self.onAllAtOnce(threads) { loop in
            while loop.uses < uses, NIODeadline.now() < deadline {
                self.readMail(of: loop)
                if !loop.isWaiting { self.acquireOrStarve(loop) }
                // Keeps its floor and uses two at most, so that each needs what the other gives back.
                if loop.account.held >= 2 {
                    self.release(loop)
                    loop.uses += 1
                }
            }
            while loop.account.held > 0 { self.release(loop) }
            loop.account.stopStarving()
            loop.isWaiting = false
        }
        return self.loops.map(\.uses)
    }

    private func onAllAtOnce(_ threads: NIOThreadPool, _ body: @escaping @Sendable (Loop) -> Void) throws {
        let notStarted = Shared(self.loops.count)
        let group = MultiThreadedEventLoopGroup.singleton.next()
        let done = self.loops.indices.map { index in
            threads.runIfActive(eventLoop: group) {
                notStarted.value.subtract(1, ordering: .sequentiallyConsistent)
                while notStarted.value.load(ordering: .sequentiallyConsistent) > 0 {}
                body(self.loops[index])
            }
        }
        for future in done { try future.wait() }
    }

    private func step(_ loop: Loop) {
        switch loop.random.next() % 16 {
        case 0...2: self.readMail(of: loop)
        case 3...6: if loop.account.tryAcquire() { self.took() }
        case 7...8: if !loop.isWaiting { self.acquireOrStarve(loop) }
        case 9...12: if loop.account.held > 0 { self.release(loop) }
        case 13:
            loop.account.stopStarving()
            loop.isWaiting = false
        default: loop.account.publish(hasIdle: loop.account.held > 0)
        }
    }

    private func acquireOrStarve(_ loop: Loop) {
        // Without a try before it, what lies in the pot is found by the second look alone.
        let tries = loop.random.next() % 4 > 0
        if tries && loop.account.tryAcquire() || loop.account.starve() { self.took() } else { loop.isWaiting = true }
    }

    private func readMail(of loop: Loop) {
        var messages = self.mailboxes[loop.account.index].withLockedValue { mail -> [PermitMessage] in
            defer { mail = [] }
            return mail
        }
        messages.shuffle(using: &loop.random)
        for message in messages {
            switch message {
            case .granted:
                loop.account.accept()
                loop.isWaiting = false
                self.took()
            case .surplusWanted(let triesLeft):
                if loop.account.held > self.ledger.floor, loop.random.next() % 2 == 0 {
                    self.release(loop)
                } else {
                    loop.account.decline(triesLeft: triesLeft)
                }
            }
        }
    }

    private func took() {
        let now = self.inUse.add(1, ordering: .sequentiallyConsistent).newValue
        self.most.max(now, ordering: .sequentiallyConsistent)
    }

    private func release(_ loop: Loop) {
        self.inUse.subtract(1, ordering: .sequentiallyConsistent)
        loop.account.release()
    }

    // MARK: At rest, on the test's thread

    /// Delivers what is still in the mail.
    func settle() {
        while self.mailboxes.contains(where: { $0.withLockedValue { !$0.isEmpty } }) {
            for loop in self.loops { self.readMail(of: loop) }
        }
    }

    func problemAtRest() -> String? {
        let pot = self.ledger.available
        let setAside = self.loops.reduce(0) { $0 + max($1.account.held, self.ledger.floor) }
        if pot + setAside != self.ledger.limit { return "\(pot) in the pot and \(setAside) with the loops are not \(self.ledger.limit)" }
        let waiting = self.loops.filter(\.isWaiting).map(\.account.index)
        if !waiting.isEmpty, pot > 0 { return "loops \(waiting) starve with \(pot) permits in the pot" }
        let isAnyoneStarving = self.loops[0].account.isAnyoneStarving
        if isAnyoneStarving == waiting.isEmpty { return "isAnyoneStarving is \(isAnyoneStarving), and waiting are \(waiting)" }
        let held = self.loops.reduce(0) { $0 + $1.account.held }
        let inUse = self.inUse.load(ordering: .sequentiallyConsistent)
        return inUse == held ? nil : "\(held) are held and \(inUse) in use"
    }

    /// Those who still wait are served by those who give back, until nobody wants anything.
    func giveEverythingBack() {
        while self.loops.contains(where: { $0.account.held > 0 }) {
            for loop in self.loops where loop.account.held > 0 { self.release(loop) }
            self.settle()
        }
    }

    func problemWhenAllIsBack() -> String? {
        let waiting = self.loops.filter(\.isWaiting).map(\.account.index)
        let free = self.ledger.limit - self.ledger.loops * self.ledger.floor
        // Without a pot there is nothing that one loop could give another: each has its floor to take.
        if !waiting.isEmpty, free > 0 { return "loops \(waiting) still starve" }
        return self.ledger.available == free ? nil : "\(self.ledger.available) in the pot instead of \(free)"
    }
}

/// An atomic that closures share.
private final class Shared: Sendable {
    let value: Synchronization.Atomic<Int>
    init(_ value: Int) { self.value = Synchronization.Atomic(value) }
}
