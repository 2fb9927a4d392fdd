extension PostgresBackend {
    /// The statement or portal described returns no rows.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, NoData.
    public struct NoData: PostgresEmptyMessage {
        /// Its first byte.
        public static var tag: UInt8 { Kind.noData.rawValue }

        /// The message.
        public init() {}
    }
}
