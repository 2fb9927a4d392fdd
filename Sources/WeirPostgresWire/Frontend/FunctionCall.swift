public import NIOCore

extension PostgresFrontend {
    /// Calls a function by its object id. Of older days; statements do it as well.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, FunctionCall.
    public struct FunctionCall: PostgresMessage {
        /// The function's object id.
        public let function: UInt32
        /// How the arguments are written: none for text, one for all, or one for each.
        public let argumentFormats: PostgresList<PostgresFormat>
        /// The arguments.
        public let arguments: PostgresValues
        /// How the result shall be written.
        public let resultFormat: PostgresFormat

        /// A message to send.
        public init(
            function: UInt32, argumentFormats: PostgresList<PostgresFormat> = [], arguments: PostgresValues,
            resultFormat: PostgresFormat = .text
        ) {
            self.function = function
            self.argumentFormats = argumentFormats
            self.arguments = arguments
            self.resultFormat = resultFormat
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.functionCall)
            self.function = try reader.integer()
            self.argumentFormats = try reader.list(reader.parameterCount(limits))
            self.arguments = try reader.values(reader.parameterCount(limits))
            guard PostgresList<PostgresFormat>.fits(self.argumentFormats.count, values: self.arguments.count) else {
                throw PostgresWireError(.malformedMessage, "neither one format nor one for each argument")
            }
            self.resultFormat = try reader.format()
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.functionCall.rawValue, maximumLength: maximumLength) { message throws(PostgresWireError) in
                try message.integer(self.function)
                try message.list(self.argumentFormats)
                guard PostgresList<PostgresFormat>.fits(self.argumentFormats.count, values: self.arguments.count) else {
                    throw PostgresWireError(.malformedMessage, "neither one format nor one for each argument")
                }
                try self.arguments.write(&message)
                try message.integer(self.resultFormat.rawValue)
            }
        }
    }
}
