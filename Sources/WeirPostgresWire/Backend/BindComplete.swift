extension PostgresBackend {
    /// Bind has succeeded.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, BindComplete.
    public struct BindComplete: PostgresEmptyMessage {
        /// Its first byte.
        public static var tag: UInt8 { Kind.bindComplete.rawValue }

        /// The message.
        public init() {}
    }
}
