import NIOCore
import WeirCore
import WeirPool

/// How a client comes to a connection of its own.
extension RedisProxyHandler {
    /// Asks for one; goes on with it, or with ``leaseFailure``.
    ///
    /// - Parameter deadline: by when; nil: the configuration's time from now.
    func lease(deadline: NIODeadline? = nil) {
        self.wait = .connection
        let deadline = deadline ?? self.loopContext.loop.now + self.proxy.configuration.connectionTimeout
        var isDone = false
        let request = self.proxy.pool.lease(owner: .proxyClient, deadline: deadline) { [self] result in
            isDone = true
            self.leaseRequest = nil
            switch consume result {
            case .failure: self.leaseFailed(RedisDressingError(reply: nil))
            case .success(let lease): self.leaseGranted(lease, deadline: deadline)
            }
        }
        if !isDone { self.leaseRequest = request }
    }

    private func leaseGranted(_ lease: consuming Lease<RedisConnection>, deadline: NIODeadline) {
        let connection = lease.resource
        guard !self.isGone else { return lease.release() }
        guard connection.isUsable, self.identity.commands(from: connection.identity) != nil else {
            lease.discard()
            return self.leaseAgain(deadline)
        }
        let box = LeaseBox(lease)
        dress(connection, as: self.identity, deadline: deadline) { result in
            switch result {
            case .failure(let error):
                box.discard()
                // Lost before anything of the client was sent.
                if error.reply == nil, self.loopContext.loop.now < deadline { self.leaseAgain(deadline) } else { self.leaseFailed(error) }
            case .success:
                guard !self.isGone else { return box.release() }
                guard let lease = box.take() else { return }
                self.leased = RedisLeasedRelay(lease, self)
                self.goOn()
            }
        }
    }

    private func leaseAgain(_ deadline: NIODeadline) {
        guard !self.isGone else { return }
        self.loopContext.loop.assumeIsolated().scheduleTask(in: LocalRedisProxy.pause) {
            if !self.isGone { self.lease(deadline: deadline) }
        }
    }

    private func leaseFailed(_ error: RedisDressingError) {
        guard !self.isGone else { return }
        self.leaseFailure = error.reply ?? Self.unreachable
        self.goOn()
    }

    func endLease() {
        self.isTransactionAborted = false
        self.leased.take()?.end()
    }
}

extension Owner {
    /// Clients of a proxy that have a connection of their own.
    static let proxyClient = Owner("proxy client")
}
