public import NIOCore

extension PostgresBackend {
    /// The types of a statement's parameters.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, ParameterDescription.
    public struct ParameterDescription: PostgresMessage {
        /// A type for each.
        public let types: PostgresList<PostgresType>

        /// A message to send.
        public init(types: PostgresList<PostgresType>) {
            self.types = types
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.parameterDescription)
            self.types = try reader.list(reader.parameterCount(limits))
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.parameterDescription.rawValue, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try message.list(self.types)
            }
        }
    }
}
