import NIOCore

/// What CommandComplete says: `SELECT 5`, `INSERT 0 1`, `CREATE TABLE`. The bytes, read when asked.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, CommandComplete.
public struct PostgresCommandTag: Hashable, Sendable, ExpressibleByStringLiteral {
    /// All of it.
    public let text: PostgresString

    /// A tag of this text.
    public init(_ text: PostgresString) { self.text = text }

    /// A tag of this text.
    public init(stringLiteral value: String) { self.init(PostgresString(value)) }

    /// The words before the numbers: `SELECT`, `CREATE TABLE`.
    public var verb: String {
        let bytes = self.text.bytes.readableBytesView
        return String(decoding: bytes.prefix(self.numbers(bytes).verbLength), as: UTF8.self)
    }

    /// How many rows the command returned or changed; nil if it does not say so.
    ///
    /// - Complexity: linear in the tag, without an allocation.
    public var affectedRows: UInt64? { self.numbers(self.text.bytes.readableBytesView).rows }

    /// The object id of the row that was inserted; nil if it was none, as it is 0 since tables have no object ids.
    public var insertedOID: UInt32? { self.numbers(self.text.bytes.readableBytesView).oid.flatMap { $0 == 0 ? nil : $0 } }

    private func numbers(_ bytes: ByteBufferView) -> (verbLength: Int, rows: UInt64?, oid: UInt32?) {
        guard let last = Self.lastNumber(bytes) else { return (bytes.count, nil, nil) }
        let before = bytes.prefix(last.start)
        guard let first = Self.lastNumber(before) else { return (last.start, last.number, nil) }
        return (first.start, last.number, UInt32(exactly: first.number))
    }

    /// The number that the bytes end with after a blank, and how many bytes come before both.
    private static func lastNumber(_ bytes: ByteBufferView) -> (start: Int, number: UInt64)? {
        guard let blank = bytes.lastIndex(of: UInt8(ascii: " ")) else { return nil }
        let digits = bytes[(blank + 1)...]
        var number: UInt64 = 0
        for digit in digits {
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit &- UInt8(ascii: "0")))
            guard digit &- UInt8(ascii: "0") <= 9, !overflow, !carry else { return nil }
            number = sum
        }
        return digits.isEmpty ? nil : (blank - bytes.startIndex, number)
    }
}
