public import NIOCore

extension PostgresBackend {
    /// Something to be told, at any time.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, NoticeResponse.
    public struct NoticeResponse: PostgresMessage {
        /// What is said of it.
        public let fields: PostgresFields

        /// A message to send.
        public init(fields: PostgresFields) {
            self.fields = fields
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.noticeResponse)
            self.fields = try PostgresFields(&reader, limits: limits)
            try reader.end()
        }

        /// Severity and SQLSTATE only: texts quote values.
        public var description: String { "NoticeResponse(\(self.fields))" }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.noticeResponse.rawValue, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try self.fields.write(&message)
            }
        }
    }
}
