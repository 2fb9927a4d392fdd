import WeirCore

/// A ``PoolConfiguration`` that cannot be.
public struct PoolConfigurationError: WeirError {
    /// What is wrong with it.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        /// A value is outside its own bounds.
        public static let outOfBounds = Code(description: "outOfBounds")
        /// ``PoolConfiguration/maximum`` does not give each loop one resource, or not each its ``PoolConfiguration/minimumIdle``.
        public static let maximumTooSmall = Code(description: "maximumTooSmall")
        /// Two values do not go together.
        public static let contradiction = Code(description: "contradiction")
    }

    /// What is wrong, to switch over.
    public let code: Code
    /// What is wrong, in words: the property, its value and its bounds.
    public let message: String
    /// Always nil: nothing lower is involved.
    public var cause: (any Error)? { nil }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
