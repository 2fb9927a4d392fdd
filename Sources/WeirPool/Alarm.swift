import NIOCore
import WeirCore

/// The pool's one deadline among the loop's: when its machine next has something to do.
final class Alarm: DeadlineReceiver {
    private var deadlines: LoopDeadlines?
    private var target: DeadlineTarget?
    private var action: () -> Void = {}
    private var token: DeadlineToken = .none
    private var armedAt: NIODeadline?

    func start(on deadlines: LoopDeadlines, _ action: @escaping () -> Void) {
        self.deadlines = deadlines
        self.target = deadlines.register(self)
        self.action = action
    }

    /// Moved to earlier times only: a machine that is woken too early finds nothing due, once.
    func moveEarlier(to wake: NIODeadline?) {
        guard let wake, let deadlines, let target else { return }
        if let armedAt {
            if armedAt <= wake { return }
            deadlines.cancel(self.token)
        }
        self.armedAt = wake
        self.token = deadlines.arm(at: wake, target: target, tag: 0)
    }

    func deadlineReached(tag: UInt64) {
        self.armedAt = nil
        self.action()
    }

    func stop() {
        self.deadlines?.cancel(self.token)
        if let target { self.deadlines?.unregister(target) }
        self.deadlines = nil
        self.action = {}
    }
}
