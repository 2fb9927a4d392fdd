public import NIOCore

extension PostgresFrontend {
    /// Makes a portal of a statement and values for its parameters.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, Bind.
    public struct Bind: PostgresMessage {
        /// The portal to make; empty is the unnamed one.
        public let portal: PostgresString
        /// The statement; empty is the unnamed one.
        public let statement: PostgresString
        /// How the values are written: none for text, one for all, or one for each.
        public let parameterFormats: PostgresList<PostgresFormat>
        /// The values.
        public let parameters: PostgresValues
        /// How the columns shall be written: none for text, one for all, or one for each.
        public let resultFormats: PostgresList<PostgresFormat>

        /// A message to send.
        public init(
            portal: PostgresString = "", statement: PostgresString = "", parameterFormats: PostgresList<PostgresFormat> = [],
            parameters: PostgresValues, resultFormats: PostgresList<PostgresFormat> = []
        ) {
            self.portal = portal
            self.statement = statement
            self.parameterFormats = parameterFormats
            self.parameters = parameters
            self.resultFormats = resultFormats
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.bind)
            self.portal = try reader.string()
            self.statement = try reader.string()
            self.parameterFormats = try reader.list(reader.parameterCount(limits))
            self.parameters = try reader.values(reader.parameterCount(limits))
            guard PostgresList<PostgresFormat>.fits(self.parameterFormats.count, values: self.parameters.count) else {
                throw PostgresWireError(.malformedMessage, "neither one format nor one for each parameter")
            }
            self.resultFormats = try reader.list(reader.columnCount(limits))
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresBind(
                portal: self.portal, statement: self.statement, parameterFormats: self.parameterFormats, resultFormats: self.resultFormats,
                maximumLength: maximumLength
            ) { writer throws(PostgresWireError) in
                for value in self.parameters { try writer.write(value) }
            }
        }
    }
}
