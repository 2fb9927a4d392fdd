import NIOCore

/// The channels that a fake server has open, on its one loop.
final class OpenChannels: Sendable {
    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var accepted = 0
    }

    private let loop: any EventLoop
    private let state: NIOLoopBoundBox<State>

    /// May be made on any thread.
    init(_ loop: any EventLoop) {
        self.loop = loop
        self.state = .makeBoxSendingValue(State(), eventLoop: loop)
    }

    /// On the loop, as its channel initializer runs there. The channel leaves by itself when it closes.
    func add(_ channel: any Channel) {
        let identifier = ObjectIdentifier(channel)
        self.state.value.accepted += 1
        self.state.value.open[identifier] = channel
        channel.closeFuture.whenComplete { _ in self.state.value.open.removeValue(forKey: identifier) }
    }

    func acceptedCount() -> EventLoopFuture<Int> { self.loop.submit { self.state.value.accepted } }

    func openCount() -> EventLoopFuture<Int> { self.loop.submit { self.state.value.open.count } }

    /// Done when all are closed.
    func closeAll() -> EventLoopFuture<Void> {
        self.loop.flatSubmit {
            let channels = Array(self.state.value.open.values)
            for channel in channels { channel.close(promise: nil) }
            return EventLoopFuture.andAllComplete(channels.map(\.closeFuture), on: self.loop)
        }
    }
}
