public import WeirCore

/// What is wrong with a connection string. No message repeats any of it.
public struct PostgresURLError: WeirError {
    /// Which part is wrong.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// It is neither a URL of `postgres://` or `postgresql://` nor a list of `key=value`.
        public static let form = Code(description: "form")
        /// User or password: none, more than one `@`, a broken percent escape, a NUL.
        public static let credentials = Code(description: "credentials")
        /// A host is missing or is none.
        public static let host = Code(description: "host")
        /// A port is no number from 1 to 65535, or there are neither one nor as many as hosts.
        public static let port = Code(description: "port")
        /// An option that there is not, that comes twice, or whose value is none of its values.
        public static let option = Code(description: "option")
    }

    public let code: Code
    public let message: String
    public var cause: (any Error)? { nil }

    @inline(never)
    init(_ code: Code, _ message: StaticString) {
        self.code = code
        self.message = "\(message)"
    }
}
