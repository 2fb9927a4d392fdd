extension PostgresBackend {
    /// The password is asked for as it is.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, AuthenticationCleartextPassword.
    public struct AuthenticationCleartextPassword: PostgresEmptyAuthentication {
        /// What says that it is this.
        public static var code: Int32 { AuthenticationCode.cleartextPassword }

        /// The message.
        public init() {}
    }
}
