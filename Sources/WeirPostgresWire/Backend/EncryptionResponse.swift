public import NIOCore

extension PostgresBackend {
    /// The server's one byte of answer to SSLRequest or GSSENCRequest. It has neither tag nor length, and nothing may follow it unasked.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-flow.html#id-1.10.6.7.12>.
    public enum EncryptionResponse: UInt8, PostgresMessage {
        /// `S`: TLS begins.
        case ssl = 0x53
        /// `G`: GSSAPI encryption begins.
        case gss = 0x47
        /// `N`: no. The client may go on without, if that is what its user wants.
        case refused = 0x4E

        /// Reads the byte.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            guard frame.isEncryptionResponse, let response = EncryptionResponse(rawValue: frame.tag) else {
                throw PostgresWireError(.unexpectedKind, "a frame of another kind of message")
            }
            self = response
        }

        /// Appends the byte.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            guard buffer.writerIndex < Int(Int32.max) else { throw PostgresWireError(.messageTooLong, "a buffer of 2 GiB") }
            buffer.writeInteger(self.rawValue)
        }
    }
}
