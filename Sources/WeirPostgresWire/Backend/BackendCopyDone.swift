extension PostgresBackend {
    /// The server has sent all of a copy.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, CopyDone.
    public struct CopyDone: PostgresEmptyMessage {
        /// Its first byte.
        public static var tag: UInt8 { Kind.copyDone.rawValue }

        /// The message.
        public init() {}
    }
}
