import NIOCore

/// The loop's time, read at most once a pass.
@usableFromInline
final class PassClock {
    @usableFromInline
    struct State {
        @usableFromInline var isValid: Bool
        @usableFromInline var time: NIODeadline
    }

    // Behind a pointer, so that reading it is a load and no run-time exclusivity check.
    @usableFromInline let state: UnsafeMutablePointer<State>

    init() {
        self.state = .allocate(capacity: 1)
        self.state.initialize(to: State(isValid: false, time: .distantPast))
    }

    deinit { self.state.deallocate() }
}
