public import NIOCore

/// A client's answers to requests for authentication. When one throws ``PostgresWireError``, the buffer is as it was.
extension ByteBuffer {
    /// Appends ``PostgresFrontend/PasswordMessage``.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long, or has NUL in it.
    public mutating func writePostgresPasswordMessage(
        _ password: some PostgresText, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresFrontend.Kind.authenticationResponse.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.string(password)
        }
    }

    /// Appends ``PostgresFrontend/SASLInitialResponse``.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long, or has NUL in the mechanism's name.
    public mutating func writePostgresSASLInitialResponse(
        mechanism: some PostgresText, response: ByteBuffer?, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresFrontend.Kind.authenticationResponse.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.string(mechanism)
            try message.value(response)
        }
    }

    /// Appends ``PostgresFrontend/SASLResponse`` or ``PostgresFrontend/GSSResponse``, which look the same.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long.
    public mutating func writePostgresAuthenticationResponse(
        _ data: ByteBuffer, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresFrontend.Kind.authenticationResponse.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.bytes(data)
        }
    }
}
