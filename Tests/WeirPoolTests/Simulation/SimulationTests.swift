import NIOPosix
import Synchronization
import Testing

@testable import WeirPool

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The pool under schedules that nobody would think of.
///
/// `WEIR_SIMULATION_EVENTS` and `WEIR_SIMULATION_SEED` choose how many events there are in all and where the seeds begin; one run takes
/// one seed and about 2,000 events, and a failure names its seed, which replays it exactly:
/// `WEIR_SIMULATION_SEED=7 WEIR_SIMULATION_EVENTS=1 swift test --filter Simulation`.
@Suite struct SimulationTests {
    static let events = Self.variable("WEIR_SIMULATION_EVENTS") ?? 1_000_000
    static let firstSeed = Self.variable("WEIR_SIMULATION_SEED") ?? 1
    static let eventsOfARun = 2000
    static let lanes = 4

    @Test(arguments: 0..<Self.lanes) func everyScheduleKeepsTheRules(lane: Int) async throws {
        let failure = try await Self.thread.runIfActive { Self.simulate(lane: lane) }
        if let failure { Issue.record("\(failure)") }
    }

    /// It computes for long, and other tests need the threads of Swift's concurrency to notice what they wait for, and a processor.
    private static let thread: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        return threads
    }()

    /// - Returns: the rule that was broken.
    private static func simulate(lane: Int) -> String? {
        var events = 0
        var seed = UInt64(Self.firstSeed + lane)
        while events < (Self.events + Self.lanes - 1) / Self.lanes {
            let simulation = Simulation(seed: seed)
            CrashNote.shared.note(seed, lane: lane)
            if let failure = simulation.run(events: Self.eventsOfARun) {
                // It is in the middle of something: taking it apart would only stop the process.
                _ = Unmanaged.passRetained(simulation)
                return "\(failure)"
            }
            events += simulation.events
            seed += UInt64(Self.lanes)
            if Self.events == 1 { break }
        }
        CrashNote.shared.note(0, lane: lane)
        print("simulated \(events) events in lane \(lane), the last seed was \(seed - UInt64(Self.lanes))")
        return nil
    }

    @Test func aSeedReplaysExactly() {
        let first = Simulation(seed: 11)
        let second = Simulation(seed: 11)
        #expect(first.run(events: 1000) == second.run(events: 1000))
        #expect(first.events == second.events)
        #expect(first.logged.text == second.logged.text)
    }

    private static func variable(_ name: String) -> Int? {
        getenv(name).flatMap { Int(String(cString: $0)) }
    }
}

/// Says on the way down which seeds were running, when an assertion in the pool stops the process, and leaves the rest to who was asked
/// for such signals before: the runtime prints its backtrace.
final class CrashNote: Sendable {
    static let shared = CrashNote()
    private static let seeds: [Atomic<UInt64>.Box] = (0..<SimulationTests.lanes).map { _ in Atomic<UInt64>.Box() }
    private static let signals = [SIGILL, SIGTRAP, SIGABRT, SIGSEGV]
    // Written before the first handler is in place, and never again.
    nonisolated(unsafe) private static var earlier: [sigaction] = Array(repeating: .init(), count: 1 + Int(signals.max() ?? 0))

    private init() {
        for number in Self.signals { sigaction(number, nil, &Self.earlier[Int(number)]) }
        for number in Self.signals {
            var action = sigaction()
            action.sa_flags = SA_ONSTACK
            let handler: @convention(c) (Int32) -> Void = { number in
                for seed in CrashNote.seeds where seed.value.load(ordering: .relaxed) != 0 {
                    let text = "simulation: the process stopped while seed \(seed.value.load(ordering: .relaxed)) ran\n"
                    _ = text.withCString { write(2, $0, strlen($0)) }
                }
                sigaction(number, &CrashNote.earlier[Int(number)], nil)
                // What the processor raised it raises again when this returns; a signal that was sent has to be sent again.
                if number == SIGABRT { raise(number) }
            }
            #if canImport(Glibc)
                action.__sigaction_handler.sa_handler = handler
            #else
                action.__sigaction_u.__sa_handler = handler
            #endif
            sigaction(number, &action, nil)
        }
    }

    func note(_ seed: UInt64, lane: Int) { Self.seeds[lane].value.store(seed, ordering: .relaxed) }
}

extension Atomic where Value == UInt64 {
    final class Box: Sendable {
        let value = Atomic<UInt64>(0)
    }
}
