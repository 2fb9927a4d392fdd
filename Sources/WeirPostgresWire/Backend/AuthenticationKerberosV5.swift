extension PostgresBackend {
    /// Kerberos V5 is asked for, which servers no longer do.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, AuthenticationKerberosV5.
    public struct AuthenticationKerberosV5: PostgresEmptyAuthentication {
        /// What says that it is this.
        public static var code: Int32 { AuthenticationCode.kerberosV5 }

        /// The message.
        public init() {}
    }
}
