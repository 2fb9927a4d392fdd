import NIOCore

extension PostgresReader {
    /// As many strings as were announced.
    mutating func names(_ count: Int, limits: PostgresWireLimits) throws(PostgresWireError) -> PostgresNames {
        guard count <= limits.maximumOptions else { throw PostgresWireError(.tooManyOptions, "more names than the limit") }
        var names = self
        for _ in 0..<count { _ = try self.string() }
        return PostgresNames(checked: try names.bytes(names.remaining - self.remaining), count: count)
    }

    /// Strings to an empty one.
    mutating func names(limits: PostgresWireLimits) throws(PostgresWireError) -> PostgresNames {
        var names = self
        var count = 0
        var length = 0
        while try !self.string().isEmpty {
            count += 1
            guard count <= limits.maximumOptions else { throw PostgresWireError(.tooManyOptions, "more names than the limit") }
            length = names.remaining - self.remaining
        }
        return PostgresNames(checked: try names.bytes(length), count: count)
    }

    /// How a copy is written, and each of its columns.
    mutating func copyFormats(
        _ limits: PostgresWireLimits
    ) throws(PostgresWireError) -> (format: PostgresFormat, columns: PostgresList<PostgresFormat>) {
        guard let format = PostgresFormat(rawValue: Int16(try self.integer(Int8.self))) else {
            throw PostgresWireError(.malformedMessage, "a format that the protocol does not have")
        }
        return (format, try self.list(self.columnCount(limits)))
    }
}

extension PostgresMessageWriter {
    /// What ``PostgresReader/copyFormats(_:)`` reads.
    mutating func copyFormats(_ format: PostgresFormat, _ columns: PostgresList<PostgresFormat>) throws(PostgresWireError) {
        try self.integer(Int8(format.rawValue))
        try self.list(columns)
    }

    /// A secret key, of a length that the protocol has.
    mutating func secretKey(_ key: ByteBuffer) throws(PostgresWireError) {
        guard (4...PostgresBackend.BackendKeyData.maximumSecretKeyLength).contains(key.readableBytes) else {
            throw PostgresWireError(.malformedMessage, "a secret key must have 4 to 256 bytes")
        }
        try self.bytes(key)
    }
}
