extension PostgresBackend {
    /// The statement was empty: this comes instead of CommandComplete.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, EmptyQueryResponse.
    public struct EmptyQueryResponse: PostgresEmptyMessage {
        /// Its first byte.
        public static var tag: UInt8 { Kind.emptyQueryResponse.rawValue }

        /// The message.
        public init() {}
    }
}
