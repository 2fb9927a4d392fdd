/// The open connection of a client, as a ``ClientRoster`` knows it: usually the channel's last handler, which knows what is in flight.
///
/// Both are called on the loop of the client's channel, perhaps before it is active, and may be called again: they must bring its end
/// about. The roster hears of that from the channel.
public protocol DrainableClient: AnyObject {
    /// Finishes what is in flight, begins nothing new, then closes.
    func drain()

    /// Closes now, whatever is in flight.
    func closeNow()
}

/// What became of the clients that a drain told to end.
public struct ClientDrain: Hashable, Sendable {
    /// Whether the deadline came, or was brought forward, before all had ended.
    public var wasCutShort = false
    /// How many were closed by force.
    public var closed = 0
    /// How many of those had not closed seconds later.
    public var left = 0
}
