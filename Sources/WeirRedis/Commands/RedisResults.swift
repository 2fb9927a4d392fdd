public import NIOCore

/// A name with its value: of a hash, or of an entry of a stream.
public struct RedisField: Hashable, Sendable {
    /// The field's name.
    public var name: ByteBuffer
    /// Its value.
    public var value: ByteBuffer

    /// A field of these two.
    public init(_ name: ByteBuffer, _ value: ByteBuffer) {
        self.name = name
        self.value = value
    }
}

/// A member of a sorted set with its score.
public struct RedisScoredMember: Hashable, Sendable {
    /// The member.
    public var member: ByteBuffer
    /// Its score; may be infinite, never NaN.
    public var score: Double

    /// A member with its score.
    public init(_ member: ByteBuffer, score: Double) {
        self.member = member
        self.score = score
    }
}

/// One page of `SCAN` or one of its kin.
public struct RedisScanPage<Element: Sendable>: Sendable {
    /// Where the next page begins; 0 when there is none.
    public var cursor: UInt64
    /// What the page has: often more or fewer than were asked for, also none although more pages follow.
    public var elements: [Element]

    /// A page of these.
    public init(cursor: UInt64, elements: [Element]) {
        self.cursor = cursor
        self.elements = elements
    }
}

extension RedisScanPage: Equatable where Element: Equatable {}

/// What was taken from the first key that had something.
public struct RedisPopped<Element: Sendable>: Sendable {
    /// The key.
    public var key: ByteBuffer
    /// What was taken from it.
    public var elements: [Element]

    /// What was taken from this key.
    public init(key: ByteBuffer, elements: [Element]) {
        self.key = key
        self.elements = elements
    }
}

extension RedisPopped: Equatable where Element: Equatable {}

/// An end of a list or a sorted set.
public enum RedisEnd: Sendable, Hashable {
    /// The head of a list.
    case left
    /// The tail of a list.
    case right

    var word: StaticString { self == .left ? "LEFT" : "RIGHT" }
}

/// When a command that writes is to do so.
public enum RedisCondition: Sendable, Hashable {
    /// Only if it is not there yet (`NX`).
    case ifAbsent
    /// Only if it is there already (`XX`).
    case ifPresent

    var word: StaticString { self == .ifAbsent ? "NX" : "XX" }
}
