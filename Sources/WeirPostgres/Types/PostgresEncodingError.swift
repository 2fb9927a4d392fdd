/// A value that its type cannot carry. Holds nothing of the value.
public struct PostgresEncodingError: Error, Hashable, CustomStringConvertible {
    /// What was wrong, in words.
    public let message: String
    /// The message behind the type's name.
    public var description: String { "PostgresEncodingError: \(self.message)" }

    /// Cold: kept out of the code that throws it.
    @inline(never)
    public init(_ message: StaticString) { self.message = "\(message)" }
}
