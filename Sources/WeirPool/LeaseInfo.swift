import NIOCore

/// A lease that is out: a copy of what the pool knew of it when it was asked, or when it reported it.
public struct LeaseInfo: Sendable {
    /// Who holds it, as it said when it asked.
    public let owner: Owner
    /// Where it was asked for.
    public let site: CallSite
    /// For how long it has been held, since the pass of the loop that granted it.
    public let heldFor: TimeAmount
}
