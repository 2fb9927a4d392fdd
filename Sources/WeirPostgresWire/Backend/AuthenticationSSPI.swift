extension PostgresBackend {
    /// SSPI is asked for.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, AuthenticationSSPI.
    public struct AuthenticationSSPI: PostgresEmptyAuthentication {
        /// What says that it is this.
        public static var code: Int32 { AuthenticationCode.sspi }

        /// The message.
        public init() {}
    }
}
