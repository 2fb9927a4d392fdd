/// What publishing metrics refuses to do.
public struct MetricsError: WeirError {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String, Hashable, Sendable { case feedback, invalidInterval }

        private let kind: Kind

        /// A registry would be published into itself.
        public static let feedback = Code(kind: .feedback)
        /// The interval between reports is not positive.
        public static let invalidInterval = Code(kind: .invalidInterval)

        public var description: String { self.kind.rawValue }
    }

    public let code: Code
    public let message: String
    public var cause: (any Error)? { nil }

    static var feedback: MetricsError {
        MetricsError(
            code: .feedback,
            message: "the factory to publish to is the one of the registry that is published; bootstrap or pass another backend")
    }

    static var invalidInterval: MetricsError {
        MetricsError(code: .invalidInterval, message: "the interval between reports must be greater than zero")
    }
}
