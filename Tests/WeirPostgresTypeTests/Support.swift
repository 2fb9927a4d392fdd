import NIOCore
import WeirPostgres
import WeirPostgresWire

extension PostgresDecodable {
    /// Decodes from bytes held by a test.
    init(_ bytes: [UInt8], _ type: PostgresType, _ format: PostgresFormat = .binary) throws(PostgresDecodingError) {
        try self.init(postgresBytes: bytes.span.bytes, type: type, format: format)
    }

    init(text: String, _ type: PostgresType) throws(PostgresDecodingError) { try self.init(Array(text.utf8), type, .text) }

    /// What it throws, nil for nothing.
    static func failure(_ bytes: [UInt8], _ type: PostgresType, _ format: PostgresFormat = .binary) -> PostgresDecodingError.Code? {
        do throws(PostgresDecodingError) {
            _ = try Self(bytes, type, format)
            return nil
        } catch {
            return error.code
        }
    }

    static func failure(text: String, _ type: PostgresType) -> PostgresDecodingError.Code? { self.failure(Array(text.utf8), type, .text) }
}

extension PostgresEncodable {
    func encoded() throws(PostgresEncodingError) -> [UInt8] {
        var buffer = ByteBuffer()
        try self.encodePostgres(into: &buffer)
        return Array(buffer.readableBytesView)
    }
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

func bytes(hexadecimal text: some StringProtocol) -> [UInt8] {
    let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// A value as the server sent it.
struct ServerValue {
    let type: PostgresType
    let binary: [UInt8]
    let text: String

    /// Those of one name in ``serverValues``; the escapes of COPY taken off.
    static func named(_ name: String) -> [ServerValue] {
        guard let group = serverValues[name] else { return [] }
        return group.rows.split(separator: "\n").map { row in
            let tab = row.firstIndex(of: "\t") ?? row.endIndex
            return ServerValue(
                type: PostgresType(rawValue: group.type), binary: bytes(hexadecimal: row[..<tab]),
                text: Self.unescaped(row[tab...].dropFirst()))
        }
    }

    private static func unescaped(_ text: Substring) -> String {
        var result = ""
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if !isEscaped, scalar == "\\" {
                isEscaped = true
                continue
            }
            if isEscaped {
                switch scalar {
                case "n": result.append("\n")
                case "r": result.append("\r")
                case "t": result.append("\t")
                case "b": result.append("\u{8}")
                case "f": result.append("\u{C}")
                case "v": result.append("\u{B}")
                default: result.unicodeScalars.append(scalar)
                }
            } else {
                result.unicodeScalars.append(scalar)
            }
            isEscaped = false
        }
        return result
    }
}
