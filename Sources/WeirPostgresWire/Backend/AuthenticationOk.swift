extension PostgresBackend {
    /// The client is who it says it is.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, AuthenticationOk.
    public struct AuthenticationOk: PostgresEmptyAuthentication {
        /// What says that it is this.
        public static var code: Int32 { AuthenticationCode.ok }

        /// The message.
        public init() {}
    }
}
