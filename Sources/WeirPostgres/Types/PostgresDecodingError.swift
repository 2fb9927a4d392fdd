public import WeirPostgresWire

/// Bytes that are not a value of the Swift type asked for. Holds nothing of the value.
public struct PostgresDecodingError: Error, Hashable, CustomStringConvertible {
    /// What was wrong, to switch over. New codes may appear.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code as a word, fit for a metric's label.
        public let description: String

        /// The Swift type cannot be read from a column of this type (or not in this format).
        public static let typeMismatch = Code(description: "typeMismatch")
        /// The bytes are not a value of the column's type.
        public static let malformedValue = Code(description: "malformedValue")
        /// A value of the column's type that the Swift type cannot hold: 300 as an Int8, infinity as a date.
        public static let outOfRange = Code(description: "outOfRange")
        /// NULL, where a value was asked for.
        public static let unexpectedNull = Code(description: "unexpectedNull")
        /// No column of that name, or fewer columns than asked for.
        public static let noSuchColumn = Code(description: "noSuchColumn")
    }

    /// What was wrong.
    public let code: Code
    /// The type of the column.
    public let type: PostgresType
    /// Code and column type; nothing of the value.
    public var description: String { "PostgresDecodingError.\(self.code): column of type \(self.type)" }

    /// Cold: kept out of the code that throws it.
    @inline(never)
    public init(_ code: Code, type: PostgresType) {
        self.code = code
        self.type = type
    }
}
