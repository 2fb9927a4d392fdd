public import NIOCore

extension PostgresFrontend {
    /// Makes a statement of a query.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, Parse.
    public struct Parse: PostgresMessage {
        /// The statement to make; empty is the unnamed one.
        public let statement: PostgresString
        /// The query.
        public let query: PostgresString
        /// The types of the first parameters, as far as they are given.
        public let parameterTypes: PostgresList<PostgresType>

        /// A message to send.
        public init(statement: PostgresString = "", query: PostgresString, parameterTypes: PostgresList<PostgresType> = []) {
            self.statement = statement
            self.query = query
            self.parameterTypes = parameterTypes
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.parse)
            self.statement = try reader.string()
            self.query = try reader.string()
            self.parameterTypes = try reader.list(reader.parameterCount(limits))
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresParse(
                statement: self.statement, query: self.query, parameterTypes: self.parameterTypes, maximumLength: maximumLength)
        }
    }
}
