extension PostgresBackend {
    /// Execute has returned as many rows as it may; the portal has more.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, PortalSuspended.
    public struct PortalSuspended: PostgresEmptyMessage {
        /// Its first byte.
        public static var tag: UInt8 { Kind.portalSuspended.rawValue }

        /// The message.
        public init() {}
    }
}
