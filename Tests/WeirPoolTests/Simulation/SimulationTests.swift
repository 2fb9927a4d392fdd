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

    @Test(arguments: 0..<Self.lanes) func everyScheduleKeepsTheRules(lane: Int) {
        var events = 0
        var seed = UInt64(Self.firstSeed + lane)
        while events < (Self.events + Self.lanes - 1) / Self.lanes {
            let simulation = Simulation(seed: seed)
            CrashNote.shared.note(seed, lane: lane)
            if let failure = simulation.run(events: Self.eventsOfARun) {
                // It is in the middle of something: taking it apart would only stop the process.
                _ = Unmanaged.passRetained(simulation)
                Issue.record("\(failure)")
                return
            }
            events += simulation.events
            seed += UInt64(Self.lanes)
            if Self.events == 1 { break }
        }
        CrashNote.shared.note(0, lane: lane)
        print("simulated \(events) events in lane \(lane), the last seed was \(seed - UInt64(Self.lanes))")
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

/// Says on the way down which seeds were running, when an assertion in the pool stops the process.
final class CrashNote: Sendable {
    static let shared = CrashNote()
    private static let seeds: [Atomic<UInt64>.Box] = (0..<SimulationTests.lanes).map { _ in Atomic<UInt64>.Box() }

    private init() {
        for signalNumber in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV] {
            signal(signalNumber) { number in
                for seed in CrashNote.seeds where seed.value.load(ordering: .relaxed) != 0 {
                    let text = "simulation: the process stopped while seed \(seed.value.load(ordering: .relaxed)) ran\n"
                    _ = text.withCString { write(2, $0, strlen($0)) }
                }
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    func note(_ seed: UInt64, lane: Int) { Self.seeds[lane].value.store(seed, ordering: .relaxed) }
}

extension Atomic where Value == UInt64 {
    final class Box: Sendable {
        let value = Atomic<UInt64>(0)
    }
}
