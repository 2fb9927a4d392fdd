import NIOConcurrencyHelpers
import Testing

@testable import WeirCore

@Suite struct PermitLedgerTests {
    /// A ledger whose messages are kept for the test.
    private struct Bench {
        struct Sent: Hashable {
            let loop: Int
            let message: PermitMessage
        }

        let ledger: PermitLedger
        let accounts: [PermitAccount]
        private let mail: NIOLockedValueBox<[Sent]>

        init(limit: Int, loops: Int, floor: Int = 1) throws {
            let mail = NIOLockedValueBox<[Sent]>([])
            self.mail = mail
            let ledger = try PermitLedger(limit: limit, loops: loops, floor: floor) { loop, message in
                mail.withLockedValue { $0.append(Sent(loop: loop, message: message)) }
            }
            self.ledger = ledger
            self.accounts = (0..<loops).map { ledger.account(ofLoop: $0) }
        }

        func sent() -> [Sent] {
            self.mail.withLockedValue { mail in
                defer { mail = [] }
                return mail
            }
        }

        func take(_ count: Int, by loop: Int) {
            for _ in 0..<count { #expect(self.accounts[loop].tryAcquire()) }
        }
    }

    // MARK: Floors

    @Test func aLoopCanAlwaysTakeItsFloor() throws {
        let bench = try Bench(limit: 7, loops: 3, floor: 2)
        #expect(bench.ledger.available == 1)
        bench.take(3, by: 0)
        #expect(!bench.accounts[0].tryAcquire())
        for loop in 1...2 {
            bench.take(2, by: loop)
            #expect(!bench.accounts[loop].tryAcquire())
        }
        // Given back, a floor's permit stays with its loop.
        bench.accounts[1].release()
        #expect(bench.ledger.available == 0)
        #expect(!bench.accounts[0].tryAcquire())
        #expect(bench.accounts[1].starve())
        #expect(bench.accounts[1].held == 2)
        #expect(!bench.accounts[1].isAnyoneStarving)
        // One beyond the floor goes to whoever comes first.
        bench.accounts[0].release()
        #expect(bench.ledger.available == 1)
        bench.take(1, by: 2)
        #expect(bench.sent().isEmpty)
    }

    @Test(arguments: [(2, 3, 1), (5, 3, 2), (1, 1, 0), (4, 0, 1), (0, 1, 1)])
    func aLimitBelowTheFloorsIsRefused(limit: Int, loops: Int, floor: Int) throws {
        let error = #expect(throws: PermitLedgerError.self) {
            try PermitLedger(limit: limit, loops: loops, floor: floor) { _, _ in }
        }
        #expect(error?.code == .limitBelowFloors)
        #expect(error?.message == "a limit of \(limit) does not give each of \(loops) loops its floor of \(floor) (at least 1)")
    }

    @Test func whatIsNotHeldCannotBeGivenBack() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let account = try PermitLedger(limit: 4, loops: 2) { _, _ in }.account(ofLoop: 1)
            _ = account.tryAcquire()
            account.release()
            account.release()
        }
        let text = try #require(result?.standardError)
        #expect(text.contains("a permit was given back that loop 1 did not hold"))
    }

    // MARK: Grants

    @Test func aPermitGoesToTheNextInTurn() throws {
        let bench = try Bench(limit: 6, loops: 3)
        bench.take(4, by: 0)
        bench.take(1, by: 1)
        bench.take(1, by: 2)
        #expect(!bench.accounts[2].starve())
        #expect(!bench.accounts[1].starve())
        #expect(bench.sent().isEmpty, "nobody has said that it has idle resources")
        bench.accounts[0].release()
        #expect(bench.sent() == [.init(loop: 1, message: .granted)])
        bench.accounts[1].accept()
        #expect(bench.accounts[1].held == 2)
        bench.accounts[0].release()
        #expect(bench.sent() == [.init(loop: 2, message: .granted)])
        bench.accounts[2].accept()
        #expect(!bench.accounts[0].isAnyoneStarving)
        bench.accounts[0].release()
        #expect(bench.sent().isEmpty)
        #expect(bench.ledger.available == 1)
    }

    @Test func aPermitThatComesBackBetweenTheTryAndTheWaitIsSeen() throws {
        let bench = try Bench(limit: 3, loops: 2)
        bench.take(2, by: 0)
        bench.take(1, by: 1)
        #expect(!bench.accounts[1].tryAcquire())
        // Nobody has said yet that it waits: it goes to the pot.
        bench.accounts[0].release()
        #expect(bench.accounts[1].starve())
        #expect(bench.accounts[1].held == 2)
        #expect(!bench.accounts[1].isAnyoneStarving)
        #expect(bench.ledger.available == 0)
        #expect(bench.sent().isEmpty)
    }

    @Test func aGrantThatNobodyNeedsAnyMoreIsNotLost() throws {
        let bench = try Bench(limit: 3, loops: 2)
        bench.take(2, by: 0)
        bench.take(1, by: 1)
        #expect(!bench.accounts[1].starve())
        bench.accounts[0].release()
        #expect(bench.sent() == [.init(loop: 1, message: .granted)])
        // Too late to take it back; and below its floor meanwhile, so that the one that comes is one too many.
        bench.accounts[1].stopStarving()
        bench.accounts[1].release()
        bench.accounts[1].accept()
        #expect(bench.accounts[1].held == 1)
        #expect(bench.ledger.available == 1)
    }

    @Test func whoStopsStarvingGetsNothing() throws {
        let bench = try Bench(limit: 3, loops: 2)
        bench.take(2, by: 0)
        bench.take(1, by: 1)
        #expect(!bench.accounts[1].starve())
        #expect(!bench.accounts[1].starve(), "asking twice raises one flag")
        #expect(bench.accounts[0].hasMoreStarving(than: 0))
        #expect(!bench.accounts[0].hasMoreStarving(than: 1))
        #expect(!bench.accounts[1].hasMoreStarving(than: 0), "it does not give way to itself")
        bench.accounts[1].stopStarving()
        #expect(!bench.accounts[0].isAnyoneStarving)
        bench.accounts[0].release()
        #expect(bench.sent().isEmpty)
        #expect(bench.ledger.available == 1)
    }

    // MARK: Surplus

    @Test func aLoopWithIdleResourcesIsAskedAndTheRoundEnds() throws {
        let bench = try Bench(limit: 12, loops: 4)
        for loop in 0...2 {
            bench.take(loop == 0 ? 4 : 3, by: loop)
            bench.accounts[loop].publish(hasIdle: true)
        }
        bench.take(2, by: 3)
        #expect(!bench.accounts[3].starve())
        #expect(bench.sent() == [.init(loop: 0, message: .surplusWanted(triesLeft: 2))])
        bench.accounts[0].decline(triesLeft: 2)
        #expect(bench.sent() == [.init(loop: 1, message: .surplusWanted(triesLeft: 1))])
        bench.accounts[1].decline(triesLeft: 1)
        #expect(bench.sent() == [.init(loop: 2, message: .surplusWanted(triesLeft: 0))])
        bench.accounts[2].decline(triesLeft: 0)
        #expect(bench.sent().isEmpty, "each was asked once")
        // The flag is still up: whoever gives one back serves it.
        bench.accounts[1].release()
        #expect(bench.sent() == [.init(loop: 3, message: .granted)])
    }

    @Test func whoHasNothingToSpareIsNotAsked() throws {
        let bench = try Bench(limit: 5, loops: 3)
        bench.take(1, by: 0)
        bench.accounts[0].publish(hasIdle: true) // Its floor is not to be had.
        bench.take(3, by: 1)
        bench.accounts[1].publish(hasIdle: true)
        bench.accounts[1].publish(hasIdle: false)
        bench.take(1, by: 2)
        #expect(!bench.accounts[2].starve())
        #expect(bench.sent().isEmpty)
    }

    @Test func nobodyIsAskedForOneWhoStarvesNoLonger() throws {
        let bench = try Bench(limit: 6, loops: 3)
        bench.take(2, by: 0)
        bench.take(3, by: 1)
        bench.accounts[0].publish(hasIdle: true)
        bench.accounts[1].publish(hasIdle: true)
        bench.take(1, by: 2)
        #expect(!bench.accounts[2].starve())
        #expect(bench.sent().count == 1)
        bench.accounts[2].stopStarving()
        bench.accounts[0].decline(triesLeft: 1)
        #expect(bench.sent().isEmpty)
    }

    // MARK: Shares

    @Test(arguments: [(4, 4, 1), (5, 4, 2), (8, 4, 2), (9, 4, 3), (7, 1, 7)])
    func theFairShareIsRoundedUp(limit: Int, loops: Int, share: Int) throws {
        #expect(try PermitLedger(limit: limit, loops: loops) { _, _ in }.fairShare == share)
    }

    @Test func aBusyLoopGivesUpOnlyWhatExceedsItsShareAndAnIdleOneAllButItsFloor() throws {
        let bench = try Bench(limit: 6, loops: 2)
        bench.take(5, by: 0)
        bench.take(1, by: 1)
        let rich = bench.accounts[0]
        #expect(!rich.shouldDonate(hasUse: false), "nobody starves")
        #expect(!bench.accounts[1].starve())
        #expect(rich.shouldDonate(hasUse: true))
        #expect(!rich.shouldDonate(hasUse: true, promised: 1), "one is on its way to the one who starves")
        #expect(!bench.accounts[1].shouldDonate(hasUse: false), "it does not give up its floor")
        rich.release()
        bench.accounts[1].accept()
        #expect(!bench.accounts[1].starve())
        #expect(rich.shouldDonate(hasUse: true))
        rich.release()
        bench.accounts[1].accept()
        #expect(!bench.accounts[1].starve())
        #expect(rich.held == 3)
        #expect(!rich.shouldDonate(hasUse: true), "it has its fair share")
        #expect(rich.shouldDonate(hasUse: false), "and no use for it")
    }
}
