/// Names one armed deadline, for ``DeadlineWheel/cancel(_:)`` and ``LoopDeadlines/cancel(_:)``.
///
/// A token stays harmless for ever: once its deadline fired or was cancelled, cancelling by it does nothing, also when the slot
/// it names has been taken by another deadline. It means something only to the wheel that made it.
public struct DeadlineToken: Equatable, Sendable {
    /// The slot of the slab.
    @usableFromInline let index: UInt32
    /// How often the slot has been used.
    @usableFromInline let serial: UInt32

    @inlinable
    init(index: UInt32, serial: UInt32) {
        self.index = index
        self.serial = serial
    }

    /// Names no deadline. Cancelling it does nothing.
    @inlinable
    public static var none: DeadlineToken { DeadlineToken(index: 0, serial: 0) }
}
