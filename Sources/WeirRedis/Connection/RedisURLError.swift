public import WeirCore

/// What is wrong with a Redis URL. No message repeats any of it.
public struct RedisURLError: WeirError {
    /// Which part is wrong.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// It begins with none of `redis://`, `rediss://`, `redis+unix://` and `unix://`.
        public static let scheme = Code(description: "scheme")
        /// User or password: more than one `@`, a broken percent escape, a user without a password, or given twice.
        public static let credentials = Code(description: "credentials")
        /// A host is missing or has characters that no host has.
        public static let host = Code(description: "host")
        /// A port is no number from 1 to 65535.
        public static let port = Code(description: "port")
        /// The path of the Unix socket is not absolute, has a broken percent escape or a zero byte.
        public static let path = Code(description: "path")
        /// What follows the host is not one `/` and a number, or the database is given twice or is no number.
        public static let database = Code(description: "database")
        /// An option after `?` that there is not, or that has no value; or a fragment.
        public static let query = Code(description: "query")
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
