extension PostgresFrontend {
    /// The end of a pipeline: after an error all is passed over until here, and ReadyForQuery answers.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, Sync.
    public struct Sync: PostgresEmptyMessage {
        /// Its first byte.
        public static var tag: UInt8 { Kind.sync.rawValue }

        /// The message.
        public init() {}
    }
}
