import NIOCore
import WeirCore

/// The open clients of a server, on each loop those of that loop, and how they end: told at once, given time, then closed.
///
///     let clients = ClientRosters(group)
///     .childChannelInitializer { channel in
///         …
///         clients[channel.eventLoop].add(handler, channel: channel)
///     }
///     // At the end, when nobody is accepted any more:
///     let end = try await clients.drain(until: .now() + .seconds(30)).get()
public final class ClientRosters: Sendable {
    private let rosters: LoopLocal<ClientRoster>

    /// - Parameter group: The loops that clients are on.
    public init(_ group: any EventLoopGroup) { self.rosters = LoopLocal(group) { ClientRoster(loop: $0) } }

    /// The loops that clients are on.
    public var loops: [any EventLoop] { self.rosters.loops }

    /// The clients of a loop. On that loop only.
    public subscript(loop: any EventLoop) -> ClientRoster { self.rosters[loop] }

    /// How many clients are open. Asks all loops; may be called on any thread.
    public func count() -> EventLoopFuture<Int> {
        EventLoopFuture.reduce(0, self.rosters.onEachLoop { $0.count }, on: self.loops[0], +)
    }

    /// Tells the clients of all loops to end, and those that still come, and closes those that are open at the deadline. May be called
    /// on any thread, and again: see ``ClientRoster/drain(until:)``.
    ///
    /// - Returns: Succeeds when no client is open on any loop; five seconds after the deadline at the latest, whatever their handlers
    ///   do. A future of the first loop.
    public func drain(until deadline: NIODeadline) -> EventLoopFuture<ClientDrain> {
        let drains = self.loops.map { loop in loop.flatSubmit { self[loop].drain(until: deadline) } }
        return EventLoopFuture.reduce(ClientDrain(), drains, on: self.loops[0]) { all, one in
            ClientDrain(
                wasCutShort: all.wasCutShort || one.wasCutShort, closed: all.closed + one.closed, left: all.left + one.left)
        }
    }

    /// Brings the deadline forward to now: of the drain that runs, or of the one to come. May be called on any thread.
    public func endDrain() {
        for loop in self.loops { loop.execute { self[loop].endDrain() } }
    }
}
