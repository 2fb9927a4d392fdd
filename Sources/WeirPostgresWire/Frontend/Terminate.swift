extension PostgresFrontend {
    /// The client leaves.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, Terminate.
    public struct Terminate: PostgresEmptyMessage {
        /// Its first byte.
        public static var tag: UInt8 { Kind.terminate.rawValue }

        /// The message.
        public init() {}
    }
}
