extension PostgresBackend {
    /// Parse has succeeded.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, ParseComplete.
    public struct ParseComplete: PostgresEmptyMessage {
        /// Its first byte.
        public static var tag: UInt8 { Kind.parseComplete.rawValue }

        /// The message.
        public init() {}
    }
}
