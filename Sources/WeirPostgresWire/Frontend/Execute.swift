public import NIOCore

extension PostgresFrontend {
    /// Runs a portal.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, Execute.
    public struct Execute: PostgresMessage {
        /// Which; empty is the unnamed one.
        public let portal: PostgresString
        /// How many rows to return at most; 0 is all.
        public let maximumRows: Int32

        /// A message to send.
        public init(portal: PostgresString = "", maximumRows: Int32 = 0) {
            self.portal = portal
            self.maximumRows = maximumRows
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.execute)
            self.portal = try reader.string()
            self.maximumRows = try reader.integer()
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresExecute(portal: self.portal, maximumRows: self.maximumRows, maximumLength: maximumLength)
        }
    }
}
