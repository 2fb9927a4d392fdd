/// A value that its type cannot carry. Holds nothing of the value.
public struct PostgresEncodingError: Error, Hashable, CustomStringConvertible {
    /// What was wrong, in words.
    public let message: String
    public var description: String { "PostgresEncodingError: \(self.message)" }

    @inline(never)
    public init(_ message: StaticString) { self.message = "\(message)" }
}
