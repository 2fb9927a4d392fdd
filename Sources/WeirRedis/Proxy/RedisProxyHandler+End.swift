import NIOCore
import WeirCore
import WeirPool

/// How a client's connection ends: by itself, when it has its replies, or at once.
extension RedisProxyHandler {
    /// The connection was lost that owed it something, or kept something of it.
    func upstreamLost() {
        guard !self.isGone else { return }
        self.proxy.upstreamLosses.increment()
        self.cut("the server's connection was lost")
    }

    /// Lets it have its replies and disconnects it; takes no more commands.
    func end(_ reason: StaticString?) {
        guard !self.isEnding, !self.isGone else { return }
        self.isEnding = true
        self.reason = self.reason ?? reason
        self.pending = ByteBuffer()
        if self.outstanding == 0 { self.closeWhenTaken() } else { self.updateReading() }
    }

    /// Ends it when nothing of it is under way: at once, or when that has come to its end. For shutdown.
    public func drain() {
        self.isDraining = true
        if let leased, !leased.hold.isDisjoint(with: [.subscriptions, .forGood]) { return self.cut("the proxy stops") }
        self.endIfOver()
    }

    /// Disconnects it at once.
    public func closeNow() { self.cut("the proxy stops") }

    func closeWhenTaken() {
        guard let context, !self.isGone, self.closing == nil else { return }
        self.closing = self.loopContext.loop.assumeIsolated().scheduleTask(in: self.proxy.configuration.closeTimeout) {
            self.cut("took no replies")
        }
        self.output.whenTaken(context) { self.cut(nil) }
        self.updateReading()
    }

    /// Disconnects it at once.
    func cut(_ reason: StaticString?) {
        guard let context, !self.isGone else { return }
        self.reason = self.reason ?? reason
        self.left()
        context.close(promise: nil)
    }

    func left() {
        guard !self.isGone else { return }
        self.isGone = true
        self.pending = ByteBuffer()
        self.closing?.cancel()
        self.leaving?.cancel()
        self.output.drop()
        self.moved(isGranted: false)
        if let request = self.leaseRequest.take() { self.proxy.pool.cancel(request) }
        self.endLease()
        self.leaveRelay()
        if let target { self.loopContext.deadlines.unregister(target) }
        self.target = nil
        self.proxy.observer?.redisClientLeft(
            RedisProxyClientSummary(
                address: self.address, user: self.user, commands: self.commands, bytesReceived: self.bytesReceived,
                bytesSent: self.output.bytesSent, duration: self.loopContext.loop.now - self.startedAt, reason: self.reason))
    }
}

extension RedisProxyHandler: DeadlineReceiver {
    func watchIdleness() {
        guard let idleTimeout = self.proxy.configuration.idleTimeout else { return }
        let target = self.target ?? self.loopContext.deadlines.register(self)
        self.target = target
        _ = self.loopContext.deadlines.arm(at: max(self.lastActive + idleTimeout, self.loopContext.loop.now), target: target, tag: 0)
    }

    public func deadlineReached(tag: UInt64) {
        guard !self.isGone, let idleTimeout = self.proxy.configuration.idleTimeout else { return }
        let isHearing = self.leased.map { !$0.hold.isDisjoint(with: [.subscriptions, .forGood]) } ?? false
        let isWaiting = self.outstanding > 0 || self.wait != .nothing || isHearing
        if isWaiting { self.lastActive = self.loopContext.loop.now }
        if self.lastActive + idleTimeout <= self.loopContext.loop.now { return self.cut("was idle") }
        self.watchIdleness()
    }
}
