public import NIOCore

/// What can be an argument of a command: a key, a member, a value. Sent with its length, so any byte may be in it.
///
/// A `ByteBuffer` is passed as it is, without a copy; the others are written into a new buffer. Numbers are written in decimal, and an
/// infinite `Double` as `inf` or `-inf`.
public protocol RedisArgument {
    /// The bytes that are sent.
    var redisArgument: ByteBuffer { get }
}

extension ByteBuffer: RedisArgument {
    /// The readable bytes.
    @inlinable public var redisArgument: ByteBuffer { self }
}

extension String: RedisArgument {
    /// Its UTF-8.
    @inlinable public var redisArgument: ByteBuffer { ByteBuffer(string: self) }
}

extension Substring: RedisArgument {
    /// Its UTF-8.
    @inlinable public var redisArgument: ByteBuffer { ByteBuffer(substring: self) }
}

// Not UInt8: an array of it is one argument, not many.
extension Array: RedisArgument where Element == UInt8 {
    /// The bytes.
    @inlinable public var redisArgument: ByteBuffer { ByteBuffer(bytes: self) }
}

extension Int: RedisArgument {}
extension Int64: RedisArgument {}
extension Int32: RedisArgument {}
extension Int16: RedisArgument {}
extension UInt: RedisArgument {}
extension UInt64: RedisArgument {}
extension UInt32: RedisArgument {}
extension UInt16: RedisArgument {}

extension RedisArgument where Self: FixedWidthInteger {
    /// The number in decimal.
    @inlinable public var redisArgument: ByteBuffer { ByteBuffer(string: self.description) }
}

extension Double: RedisArgument {
    /// The shortest decimal that reads as the same number; `inf`, `-inf` or `nan`.
    @inlinable public var redisArgument: ByteBuffer { ByteBuffer(string: self.description) }
}

/// An argument of whichever type, for lists that mix them: `[1, "two", 3.5] as [RedisValue]`.
public struct RedisValue: RedisArgument, Hashable, Sendable {
    /// The bytes that are sent.
    public var redisArgument: ByteBuffer

    /// The argument's bytes.
    @inlinable
    public init(_ argument: some RedisArgument) { self.redisArgument = argument.redisArgument }
}

extension RedisValue: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    public init(stringLiteral value: String) { self.init(value) }
    public init(integerLiteral value: Int64) { self.init(value) }
    public init(floatLiteral value: Double) { self.init(value) }
}
