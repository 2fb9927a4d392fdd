import NIOCore

extension EventLoop {
    /// Calls `body` on the loop when it has looked at its sockets once more, or when it is shut down. On the loop only.
    ///
    /// NIO runs tasks and timers that are due until there are none, and only then looks at its sockets, so that neither `execute` nor
    /// a timer of no delay lets them have a turn. A timer that is not yet due when the loop asks for the next task does. How soon
    /// that is depends on the machine and on what else the loop has to run: so it is measured first, by one task of our own, and the
    /// timer set to four times that, 10 µs at the least and 10 ms at the most. On an otherwise idle loop the whole costs some 15 µs.
    ///
    /// - Parameter body: Told whether the loop is being shut down.
    func callAfterSockets(_ body: @escaping (_ isShuttingDown: Bool) -> Void) {
        let start = self.now
        let isolated = self.assumeIsolated()
        isolated.execute {
            let now = self.now
            let pause = min(max((now - start) * 4, .microseconds(10)), .milliseconds(10))
            do {
                try self.assumeIsolated().scheduleCallback(at: now + pause, handler: AfterSockets(body: body))
            } catch {
                body(true)
            }
        }
    }
}

private struct AfterSockets: NIOScheduledCallbackHandler {
    let body: (Bool) -> Void

    func handleScheduledCallback(eventLoop: some EventLoop) { self.body(false) }
    func didCancelScheduledCallback(eventLoop: some EventLoop) { self.body(true) }
}
