extension PostgresFrontend {
    /// The server shall send what it has.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, Flush.
    public struct Flush: PostgresEmptyMessage {
        /// Its first byte.
        public static var tag: UInt8 { Kind.flush.rawValue }

        /// The message.
        public init() {}
    }
}
