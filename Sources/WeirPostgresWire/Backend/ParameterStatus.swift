public import NIOCore

extension PostgresBackend {
    /// A setting and its value, at start-up and at any time it changes.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, ParameterStatus.
    public struct ParameterStatus: PostgresMessage {
        /// The setting.
        public let name: PostgresString
        /// What it is now.
        public let value: PostgresString

        /// A message to send.
        public init(name: PostgresString, value: PostgresString) {
            self.name = name
            self.value = value
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.parameterStatus)
            self.name = try reader.string()
            self.value = try reader.string()
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.parameterStatus.rawValue, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try message.string(self.name)
                try message.string(self.value)
            }
        }
    }
}
