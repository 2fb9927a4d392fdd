public import NIOCore

/// A start-up packet that asks for encryption. Nothing may be sent after it until one byte has answered.
public protocol PostgresEncryptionRequest: PostgresMessage {
    /// What stands in the place of a version.
    static var requestCode: UInt32 { get }
    /// The message: there is only one.
    init()
}

extension PostgresEncryptionRequest {
    /// Reads the message.
    public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
        let reader = try PostgresReader(frame, request: Self.requestCode)
        try reader.end()
        self.init()
    }

    /// Appends the message's eight bytes.
    public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
        try buffer.writePostgresMessage(0, maximumLength: maximumLength) { message throws(PostgresWireError) in
            try message.integer(Self.requestCode)
        }
    }
}

extension PostgresFrontend {
    /// Asks for TLS.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, SSLRequest.
    public struct SSLRequest: PostgresEncryptionRequest {
        /// 1234.5679.
        public static var requestCode: UInt32 { PostgresRequestCode.ssl }

        /// The message.
        public init() {}
    }

    /// Asks for GSSAPI encryption.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, GSSENCRequest.
    public struct GSSENCRequest: PostgresEncryptionRequest {
        /// 1234.5680.
        public static var requestCode: UInt32 { PostgresRequestCode.gss }

        /// The message.
        public init() {}
    }
}
