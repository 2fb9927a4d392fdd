extension PostgresBackend {
    /// GSSAPI is asked for.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, AuthenticationGSS.
    public struct AuthenticationGSS: PostgresEmptyAuthentication {
        /// What says that it is this.
        public static var code: Int32 { AuthenticationCode.gss }

        /// The message.
        public init() {}
    }
}
