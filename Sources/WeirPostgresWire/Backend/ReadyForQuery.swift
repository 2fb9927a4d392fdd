public import NIOCore

extension PostgresBackend {
    /// The server waits for a new query: the end of everything before.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, ReadyForQuery.
    public struct ReadyForQuery: PostgresMessage {
        /// Where the session stands.
        public let status: PostgresTransactionStatus

        /// A message to send.
        public init(status: PostgresTransactionStatus) {
            self.status = status
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.readyForQuery)
            guard let status = PostgresTransactionStatus(rawValue: try reader.integer()) else {
                throw PostgresWireError(.malformedMessage, "a status of transaction that the protocol does not have")
            }
            self.status = status
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresReadyForQuery(self.status)
        }
    }
}
