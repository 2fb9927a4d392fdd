/// Bytes that are not the protocol, that ask for more than the limits allow, or a message that cannot be written.
///
/// It looks like every other error of the toolkit, but stands alone, as a codec imports nothing of ours.
public struct PostgresWireError: Error, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    /// What was wrong, to switch over. New codes may appear.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code as a word, fit for a metric's label.
        public let description: String

        /// A first byte that names no message which this side sends.
        public static let unknownKind = Code(description: "unknownKind")
        /// A message of another kind than the one that was asked for, or than may come now.
        public static let unexpectedKind = Code(description: "unexpectedKind")
        /// A length with its sign bit set, of a message or of a value.
        public static let negativeLength = Code(description: "negativeLength")
        /// A message shorter than its kind can be.
        public static let lengthTooSmall = Code(description: "lengthTooSmall")
        /// A message longer than its kind can be, or than ``PostgresWireLimits`` allow.
        public static let lengthTooLong = Code(description: "lengthTooLong")
        /// A length or a count inside a message that reaches beyond its end.
        public static let lengthMismatch = Code(description: "lengthMismatch")
        /// Bytes behind the last part of a message.
        public static let trailingBytes = Code(description: "trailingBytes")
        /// A string or a list whose terminator is not in the message.
        public static let missingTerminator = Code(description: "missingTerminator")
        /// More columns than ``PostgresWireLimits/maximumColumns``.
        public static let tooManyColumns = Code(description: "tooManyColumns")
        /// More parameters than ``PostgresWireLimits/maximumParameters``, or than the 65,535 that can be written.
        public static let tooManyParameters = Code(description: "tooManyParameters")
        /// More fields of an error or a notice than ``PostgresWireLimits/maximumFields``.
        public static let tooManyFields = Code(description: "tooManyFields")
        /// More names in a list, or more parameters at start-up, than ``PostgresWireLimits/maximumOptions``.
        public static let tooManyOptions = Code(description: "tooManyOptions")
        /// A value that the protocol does not have where it stands: a status, a format code, a flag.
        public static let malformedMessage = Code(description: "malformedMessage")
        /// A start-up packet of a version other than 3, or one that is no request either.
        public static let unsupportedVersion = Code(description: "unsupportedVersion")
        /// A parameter that comes twice at start-up: who reads the first and who reads the last would not agree.
        public static let duplicateParameter = Code(description: "duplicateParameter")
        /// A start-up packet that names no user.
        public static let missingParameter = Code(description: "missingParameter")
        /// Bytes where there must be none: behind a request for encryption, or behind the answer to one.
        public static let unexpectedBytes = Code(description: "unexpectedBytes")
        /// A string to be written that contains NUL, which would end it early.
        public static let nulInString = Code(description: "nulInString")
        /// A message to be written that is longer than the protocol or the limit given allow.
        public static let messageTooLong = Code(description: "messageTooLong")
        /// A value that its writer could not express.
        public static let unencodableValue = Code(description: "unencodableValue")
        /// The stream, or the bytes given, ended in the middle of a message.
        public static let unexpectedEnd = Code(description: "unexpectedEnd")
    }

    /// What happened, to switch over.
    public let code: Code
    /// What happened, in words. Holds nothing of what was received or was to be written.
    public let message: String
    /// Always nil: nothing lies below a codec.
    public var cause: (any Error)? { nil }

    /// The code as a word, fit for a metric's label.
    public var shortDescription: String { self.code.description }
    /// The code and the words. Holds nothing of what was received.
    public var description: String { "PostgresWireError.\(self.code): \(self.message)" }
    /// As ``description``: there is nothing to hide.
    public var debugDescription: String { self.description }

    @inline(never)
    @usableFromInline
    init(_ code: Code, _ message: StaticString) {
        self.code = code
        self.message = "\(message)"
    }

    /// What a writer of values throws that cannot express one, as ``PostgresValueWriter`` throws nothing else.
    ///
    /// - Parameter message: why, in words that may be logged.
    public static func unencodableValue(_ message: StaticString) -> PostgresWireError { PostgresWireError(.unencodableValue, message) }
}
