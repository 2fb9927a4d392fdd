extension PostgresBackend {
    /// Close has succeeded, also of what was not there.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, CloseComplete.
    public struct CloseComplete: PostgresEmptyMessage {
        /// Its first byte.
        public static var tag: UInt8 { Kind.closeComplete.rawValue }

        /// The message.
        public init() {}
    }
}
