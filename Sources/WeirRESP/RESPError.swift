/// Bytes that are not RESP, or that ask for more than the decoder's limits allow.
///
/// It looks like every other error of the toolkit, but stands alone, as a codec imports nothing of ours.
public struct RESPError: Error, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    /// What was wrong, to switch over. New codes may appear.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code as a word, fit for a metric's label.
        public let description: String

        /// A first byte that names no type of RESP2 or RESP3.
        public static let unknownType = Code(description: "unknownType")
        /// CR without LF, LF without CR, or a string that does not end where its length says.
        public static let malformedLine = Code(description: "malformedLine")
        /// A number, length, boolean or null that is not written as the protocol writes it, or does not fit 64 bits.
        public static let malformedNumber = Code(description: "malformedNumber")
        /// A value where it may not stand: a push inside another value, a verbatim string without its format, the pieces of a stream
        /// outside of one; a command that is not an array of strings.
        public static let malformedValue = Code(description: "malformedValue")
        /// A line longer than ``RESPLimits/maximumLineLength``.
        public static let lineTooLong = Code(description: "lineTooLong")
        /// A string longer than ``RESPLimits/maximumBulkLength``.
        public static let bulkTooLong = Code(description: "bulkTooLong")
        /// More elements in one value than ``RESPLimits/maximumElements``.
        public static let tooManyElements = Code(description: "tooManyElements")
        /// Aggregates nested deeper than ``RESPLimits/maximumDepth``.
        public static let tooDeep = Code(description: "tooDeep")
        /// One value, with all that it contains, longer than ``RESPLimits/maximumFrameLength``.
        public static let frameTooLong = Code(description: "frameTooLong")
        /// A command in the inline form whose quotes do not match.
        public static let unbalancedQuotes = Code(description: "unbalancedQuotes")
        /// The stream ended in the middle of a value.
        public static let unexpectedEnd = Code(description: "unexpectedEnd")
    }

    /// What happened, to switch over.
    public let code: Code
    /// What happened, in words. Holds nothing of what was received.
    public let message: String
    /// Always nil: nothing lies below a codec.
    public var cause: (any Error)? { nil }

    public var shortDescription: String { self.code.description }
    public var description: String { "RESPError.\(self.code): \(self.message)" }
    public var debugDescription: String { self.description }

    @inline(never)
    init(_ code: Code, _ message: StaticString) {
        self.code = code
        self.message = "\(message)"
    }
}
