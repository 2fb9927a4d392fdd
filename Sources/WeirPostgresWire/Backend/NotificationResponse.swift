public import NIOCore

extension PostgresBackend {
    /// Somebody has notified a channel that the session listens to.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, NotificationResponse.
    public struct NotificationResponse: PostgresMessage {
        /// The process id of who did.
        public let processID: Int32
        /// The channel.
        public let channel: PostgresString
        /// What was told.
        public let payload: PostgresString

        /// A message to send.
        public init(processID: Int32, channel: PostgresString, payload: PostgresString) {
            self.processID = processID
            self.channel = channel
            self.payload = payload
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.notificationResponse)
            self.processID = try reader.integer()
            self.channel = try reader.string()
            self.payload = try reader.string()
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.notificationResponse.rawValue, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try message.integer(self.processID)
                try message.string(self.channel)
                try message.string(self.payload)
            }
        }
    }
}
