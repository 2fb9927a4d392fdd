import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import WeirCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What one loop does and then looks for, against what another does and then looks for, on two threads. One after the other: each needs
/// two processors.
@Suite(.serialized) struct PermitLedgerRaceTests {
    /// One loop shows its surplus and then looks for flags, the other raises its flag and then looks for a surplus. Where neither notices
    /// the other, the permit lies idle and nobody asks for it.
    @Test func aSurplusAndAStarvingLoopDoNotMissEachOther() throws {
        let missed = try LedgerRace().missedRounds(
            rich: { account, _ in
                account.publish(hasIdle: true)
                return account.isAnyoneStarving
            },
            undo: { $0.publish(hasIdle: false) },
            poor: { account, mail in
                _ = account.starve()
                return mail().contains(.surplusWanted(triesLeft: 0))
            })
        #expect(missed == 0)
    }

    /// One loop puts a permit into the pot and then looks for flags, the other raises its flag and then looks into the pot. Where neither
    /// notices the other, a loop starves beside a permit.
    @Test func aReturnAndAStarvingLoopDoNotMissEachOther() throws {
        let missed = try LedgerRace().missedRounds(
            rich: { account, mail in
                account.release()
                return mail().contains(.granted)
            },
            undo: { #expect($0.tryAcquire()) },
            poor: { account, _ in account.starve() })
        #expect(missed == 0)
    }
}

/// Two loops that do something at the same instant, again and again: a rich one with a permit beyond its floor, and a poor one that has
/// its floor. The pot is empty.
private final class LedgerRace: Sendable {
    /// What a loop does, with a look at the messages of this round.
    ///
    /// - Returns: whether it noticed the other loop.
    typealias Move = @Sendable (PermitAccount, () -> [PermitMessage]) -> Bool

    private struct Round {
        let noticed: Bool
        /// Seen from here the other loop's move had begun before this one's ended.
        let overlapped: Bool
    }

    private static let roundsAtOnce = 1000

    private let mail: NIOLockedValueBox<[PermitMessage]>
    // Each is touched by one thread while the race runs, and by the test's thread before.
    nonisolated(unsafe) private let accounts: [PermitAccount]
    private let arrived = Synchronization.Atomic(0)
    private let begun = Synchronization.Atomic(0)

    init() throws {
        let mail = NIOLockedValueBox<[PermitMessage]>([])
        let ledger = try PermitLedger(limit: 3, loops: 2) { _, message in mail.withLockedValue { $0.append(message) } }
        self.mail = mail
        self.accounts = (0..<2).map { ledger.account(ofLoop: $0) }
        for account in [self.accounts[0], self.accounts[0], self.accounts[1]] { #expect(account.tryAcquire()) }
    }

    /// Runs until moves have overlapped often enough, for which each thread needs a processor of its own, or for some seconds.
    ///
    /// - Parameters:
    ///   - rich: the move of the rich loop.
    ///   - undo: makes it rich again, after the poor one has given back what it got.
    ///   - poor: the move of the poor loop.
    /// - Returns: the number of rounds in which neither noticed the other.
    func missedRounds(
        rich: @escaping Move, undo: @escaping @Sendable (PermitAccount) -> Void, poor: @escaping Move
    ) throws -> Int {
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let deadline = NIODeadline.now() + .seconds(3)
        var (missed, overlapped) = (0, 0)
        repeat {
            let first = threads.runIfActive(eventLoop: loop) { self.run(0, rich, undo) }
            let second = threads.runIfActive(eventLoop: loop) { self.run(1, poor, self.undoStarving) }
            for (first, second) in zip(try first.wait(), try second.wait()) {
                if !first.noticed, !second.noticed { missed += 1 }
                if first.overlapped, second.overlapped { overlapped += 1 }
            }
        } while overlapped < 20_000 && NIODeadline.now() < deadline
        try threads.syncShutdownGracefully()
        return missed
    }

    private func run(_ index: Int, _ move: Move, _ undo: (PermitAccount) -> Void) -> [Round] {
        let account = self.accounts[index]
        return (0..<Self.roundsAtOnce).map { round in
            self.meet()
            // Shifts the two against each other.
            for _ in 0..<((index == 0 ? round : round / 8) % 8 * 4) { _ = self.begun.load(ordering: .relaxed) }
            let begun = self.begun.add(1, ordering: .sequentiallyConsistent).newValue
            let noticed = move(account) { self.mail.withLockedValue { $0 } }
            let overlapped = begun % 2 == 0 || self.begun.load(ordering: .sequentiallyConsistent) > begun
            self.meet()
            if index == 1 { undo(account) }
            self.meet()
            if index == 0 { undo(account) }
            return Round(noticed: noticed, overlapped: overlapped)
        }
    }

    /// Waits for the other thread.
    private func meet() {
        let place = self.arrived.add(1, ordering: .sequentiallyConsistent).newValue
        var tries = 0
        while place % 2 == 1, self.arrived.load(ordering: .sequentiallyConsistent) == place {
            tries += 1
            // The other one may need this processor.
            if tries % 1000 == 0 { sched_yield() }
        }
    }

    private func undoStarving(_ account: PermitAccount) {
        let mail = self.mail.withLockedValue { mail in
            defer { mail = [] }
            return mail
        }
        if mail.contains(.granted) { account.accept() }
        account.stopStarving()
        while account.held > 1 { account.release() }
    }
}
