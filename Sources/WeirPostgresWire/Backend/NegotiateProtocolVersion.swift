public import NIOCore

extension PostgresBackend {
    /// The server does not know the minor version or an option that the client has asked for.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, NegotiateProtocolVersion.
    public struct NegotiateProtocolVersion: PostgresMessage {
        /// The newest minor version that the server knows, as it was sent: servers put the whole version there, see ``version``.
        public let newestMinorVersion: Int32
        /// The options that it does not know.
        public let unrecognizedOptions: PostgresNames

        /// A message to send.
        public init(newestMinorVersion: Int32, unrecognizedOptions: PostgresNames) {
            self.newestMinorVersion = newestMinorVersion
            self.unrecognizedOptions = unrecognizedOptions
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.negotiateProtocolVersion)
            self.newestMinorVersion = try reader.integer()
            let count = try reader.integer(Int32.self)
            guard count >= 0 else { throw PostgresWireError(.negativeLength, "a negative count") }
            self.unrecognizedOptions = try reader.names(Int(count), limits: limits)
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.negotiateProtocolVersion.rawValue, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try message.integer(self.newestMinorVersion)
                try message.integer(Int32(self.unrecognizedOptions.count))
                try self.unrecognizedOptions.write(&message)
            }
        }

        /// The newest version that the server knows, whether it sent all of it or, as is written, the minor one.
        public var version: PostgresProtocolVersion {
            let code = UInt32(bitPattern: self.newestMinorVersion)
            return code >> 16 == 0 ? PostgresProtocolVersion(major: 3, minor: UInt16(code)) : PostgresProtocolVersion(code: code)
        }
    }
}
