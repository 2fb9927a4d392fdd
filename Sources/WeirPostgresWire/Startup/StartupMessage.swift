public import NIOCore

extension PostgresFrontend {
    /// The first message of a session: the version of the protocol and what the session shall be. Has no tag.
    ///
    /// Read, it names a user and no parameter twice. A minor version over 0 is to be answered by NegotiateProtocolVersion. The parameters
    /// are a stranger's: whoever puts them into a statement quotes them.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, StartupMessage.
    public struct StartupMessage: PostgresMessage {
        /// The version of the protocol that the client speaks.
        public let version: PostgresProtocolVersion
        /// What it asks for.
        public let parameters: PostgresStartupParameters

        /// A message to send.
        public init(version: PostgresProtocolVersion = .version30, parameters: PostgresStartupParameters) {
            self.version = version
            self.parameters = parameters
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.startupPacket)
            self.version = PostgresProtocolVersion(code: try reader.integer())
            guard self.version.major == 3 else {
                throw PostgresWireError(.unsupportedVersion, "a version of the protocol other than 3, or no StartupMessage")
            }
            self.parameters = try PostgresStartupParameters(&reader, limits: limits)
            try reader.end()
            try self.parameters.check()
        }

        /// Appends the message, of at most 10,000 bytes, as servers take no more.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try self.parameters.check()
            guard self.version.major == 3 else {
                throw PostgresWireError(.unsupportedVersion, "a version of the protocol other than 3")
            }
            let serverMaximum = PostgresWireLimits().maximumStartupLength
            try buffer.writePostgresMessage(0, maximumLength: min(maximumLength, serverMaximum)) { message throws(PostgresWireError) in
                try message.integer(self.version.code)
                try self.parameters.write(&message)
            }
        }
    }
}
