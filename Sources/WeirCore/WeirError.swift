/// What every error type of this toolkit looks like.
///
/// The conventions, in one place:
/// - An error is a struct with an extensible `code`, a static `message` and an optional `cause`; it is thrown
///   typed (`throws(PoolError)`) where one type is all there is.
/// - Callers switch over `code`; new codes may appear, so a code is a struct and not an enum.
/// - ``message`` and `description` are safe to show to anyone: no password, no value, no payload.
///   `debugDescription` is complete.
/// - ``shortDescription`` is one of a bounded set of words, fit for a metric's label.
public protocol WeirError: Error, CustomStringConvertible, CustomDebugStringConvertible {
    associatedtype Code: Hashable & Sendable & CustomStringConvertible

    /// What happened, to switch over.
    var code: Code { get }
    /// What happened, in words. Never holds a secret or a payload.
    var message: String { get }
    /// The error of a lower layer that led to this one.
    var cause: (any Error)? { get }
}

extension WeirError {
    /// The code alone: one of a bounded set, fit for a metric's label.
    public var shortDescription: String { self.code.description }

    public var description: String { "\(Self.self).\(self.code): \(self.message)" }

    public var debugDescription: String {
        guard let cause = self.cause else { return self.description }
        return "\(self.description) (cause: \(String(reflecting: cause)))"
    }
}
