/// One end of a range.
public enum PostgresRangeBound<Value> {
    /// The range goes on without end.
    case unbounded
    /// The value belongs to the range.
    case inclusive(Value)
    /// The value does not belong to the range any more.
    case exclusive(Value)
}

extension PostgresRangeBound: Sendable where Value: Sendable {}
extension PostgresRangeBound: Equatable where Value: Equatable {}
extension PostgresRangeBound: Hashable where Value: Hashable {}

/// A range of the server's: `int4range`, `tstzrange` and their kin, or one of a user's own.
///
/// Equal where the bounds are written the same. The server writes ranges of integers and dates with the lower bound inclusive and the upper
/// one exclusive, whatever they were made from, so that `[1,3]` comes back as `[1,4)`.
public enum PostgresRange<Bound> {
    /// Holds nothing.
    case empty
    /// From one end to the other. A lower end above the upper one is refused by the server.
    case bounds(PostgresRangeBound<Bound>, PostgresRangeBound<Bound>)
}

extension PostgresRange: Sendable where Bound: Sendable {}
extension PostgresRange: Equatable where Bound: Equatable {}
extension PostgresRange: Hashable where Bound: Hashable {}

extension PostgresRange where Bound: Comparable {
    /// Empty where it is empty.
    public init(_ range: Range<Bound>) {
        self = range.isEmpty ? .empty : .bounds(.inclusive(range.lowerBound), .exclusive(range.upperBound))
    }

    /// Both ends belong to it.
    public init(_ range: ClosedRange<Bound>) { self = .bounds(.inclusive(range.lowerBound), .inclusive(range.upperBound)) }
    /// Without an upper end.
    public init(_ range: PartialRangeFrom<Bound>) { self = .bounds(.inclusive(range.lowerBound), .unbounded) }
    /// Without a lower end.
    public init(_ range: PartialRangeUpTo<Bound>) { self = .bounds(.unbounded, .exclusive(range.upperBound)) }
    /// Without a lower end.
    public init(_ range: PartialRangeThrough<Bound>) { self = .bounds(.unbounded, .inclusive(range.upperBound)) }

    /// Whether the value lies within.
    public func contains(_ value: Bound) -> Bool {
        guard case .bounds(let lower, let upper) = self else { return false }
        switch lower {
        case .unbounded: break
        case .inclusive(let bound): guard bound <= value else { return false }
        case .exclusive(let bound): guard bound < value else { return false }
        }
        switch upper {
        case .unbounded: return true
        case .inclusive(let bound): return value <= bound
        case .exclusive(let bound): return value < bound
        }
    }
}

/// Ranges of the server's that do not touch, in order: `int4multirange` and its kin. Sent as they are: the server orders and joins them.
public struct PostgresMultirange<Bound> {
    /// In any order before they are sent.
    public var ranges: [PostgresRange<Bound>]

    /// These, as they are.
    @inlinable
    public init(_ ranges: [PostgresRange<Bound>]) { self.ranges = ranges }
}

extension PostgresMultirange: Sendable where Bound: Sendable {}
extension PostgresMultirange: Equatable where Bound: Equatable {}
extension PostgresMultirange: Hashable where Bound: Hashable {}
