public import NIOCore
public import WeirPostgresWire

/// `bytea`; its bytes are copied, so that the value does not keep the connection's read buffer alive. Sent as `bytea` as well.
extension ByteBuffer: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .bytea }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) { buffer.writeImmutableBuffer(self) }

    /// From bytea; as text in the hex form and in the escape form.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = ByteBuffer()
        switch format {
        case .binary:
            guard type == .bytea else { throw PostgresDecodingError(.typeMismatch, type: type) }
            bytes.withUnsafeBytes { _ = self.writeBytes($0) }
        case .text:
            self.writeBytes(try PostgresBytea.bytes(bytes, type, format))
        }
    }
}

@usableFromInline
enum PostgresBytea {
    @usableFromInline
    static func bytes(_ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat) throws(PostgresDecodingError) -> [UInt8] {
        try PostgresDecoding.value(bytes, type, format, isFrom: type == .bytea) { bytes in
            bytes.withUnsafeBytes { Array($0) }
        } text: { scanner in
            scanner.accept("\\x") ? self.hexadecimal(&scanner) : self.escaped(&scanner)
        }
    }

    private static func hexadecimal(_ scanner: inout PostgresTextScanner) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity((scanner.bytes.count - scanner.index) / 2)
        while let high = scanner.next() {
            guard let low = scanner.next(), let high = PostgresTextScanner.hexadecimalDigit(high),
                let low = PostgresTextScanner.hexadecimalDigit(low)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// A backslash stands before another one, or before three octal digits.
    private static func escaped(_ scanner: inout PostgresTextScanner) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(scanner.bytes.count)
        while let byte = scanner.next() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            if scanner.accept("\\" as Unicode.Scalar) {
                bytes.append(byte)
                continue
            }
            var value = 0
            for _ in 0..<3 {
                guard let digit = scanner.next(), (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit) else { return nil }
                value = value << 3 | Int(digit & 7)
            }
            guard value <= 255 else { return nil }
            bytes.append(UInt8(value))
        }
        return bytes
    }
}
