import WeirPostgresWire

/// The part that most decoders have in common.
enum PostgresDecoding {
    /// A value of one type of the server's: read by one of two functions, which return nil for what is malformed.
    ///
    /// As text it is also read from a column of unknown type.
    static func value<Value>(
        _ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat, isFrom: Bool,
        binary: (RawSpan) -> Value?, text: (inout PostgresTextScanner) -> Value?
    ) throws(PostgresDecodingError) -> Value {
        switch format {
        case .binary:
            guard isFrom else { throw PostgresDecodingError(.typeMismatch, type: type) }
            if let value = binary(bytes) { return value }
        case .text:
            guard isFrom || type.isUnknown else { throw PostgresDecodingError(.typeMismatch, type: type) }
            if let value = self.whole(bytes, text) { return value }
        }
        throw PostgresDecodingError(.malformedValue, type: type)
    }

    /// What a function reads in these bytes, if it reads all of them.
    static func whole<Value>(_ bytes: RawSpan, _ read: (inout PostgresTextScanner) -> Value?) -> Value? {
        bytes.withUnsafeBytes { bytes in
            var scanner = PostgresTextScanner(bytes)
            guard let value = read(&scanner), scanner.isAtEnd else { return nil }
            return value
        }
    }

    static func whole<Value>(_ string: String, _ read: (inout PostgresTextScanner) -> Value?) -> Value? {
        var string = string
        return string.withUTF8 { utf8 in
            var scanner = PostgresTextScanner(UnsafeRawBufferPointer(utf8))
            guard let value = read(&scanner), scanner.isAtEnd else { return nil }
            return value
        }
    }
}
