import NIOCore

/// The fields of an error or a notice: a slice of the message, checked, and read when asked. Unknown ones are kept.
///
/// The server sends a severity, a SQLSTATE and a message always; others may send nothing at all.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-error-fields.html>.
public struct PostgresFields: Hashable, Sendable, Sequence, ExpressibleByArrayLiteral {
    /// Each field as it is on the wire, without the terminator of them all.
    private let bytes: ByteBuffer
    /// How many there are.
    public let count: Int

    /// Reads them to the end of the message.
    init(_ reader: inout PostgresReader, limits: PostgresWireLimits) throws(PostgresWireError) {
        var bytes = reader
        var count = 0
        var length = 0
        while true {
            let rest = reader.remaining
            guard rest > 0 else { throw PostgresWireError(.missingTerminator, "the fields of a report do not end") }
            guard try reader.integer(UInt8.self) != 0 else { break }
            count += 1
            guard count <= limits.maximumFields else { throw PostgresWireError(.tooManyFields, "a report has more fields than the limit") }
            _ = try reader.string()
            length += rest - reader.remaining
        }
        self.bytes = try bytes.bytes(length)
        self.count = count
    }

    /// These fields.
    ///
    /// NUL in a text, or as a letter, is found out when they are written.
    public init(_ fields: some Sequence<PostgresField>) {
        var bytes = ByteBuffer()
        var count = 0
        for field in fields {
            bytes.writeInteger(field.code.rawValue)
            bytes.writeImmutableBuffer(field.value.bytes)
            bytes.writeInteger(0 as UInt8)
            count += 1
        }
        self.bytes = bytes
        self.count = count
    }

    /// These fields.
    public init(arrayLiteral elements: PostgresField...) { self.init(elements) }

    /// The text of the first field that says this.
    ///
    /// - Complexity: linear in the fields.
    public subscript(code: PostgresField.Code) -> PostgresString? { self.first { $0.code == code }?.value }

    /// The SQLSTATE, if there is one and it is one: five digits and capitals.
    public var sqlState: String? {
        guard let state = self[.sqlState]?.bytes.readableBytesView, state.count == 5,
            state.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) })
        else { return nil }
        return String(decoding: state, as: UTF8.self)
    }

    /// The severity, not translated, if there is one that the protocol knows: ERROR, FATAL, PANIC, WARNING, NOTICE, DEBUG, INFO or LOG.
    public var severity: String? {
        guard let severity = self[.nonlocalizedSeverity] ?? self[.severity] else { return nil }
        return ["ERROR", "FATAL", "PANIC", "WARNING", "NOTICE", "DEBUG", "INFO", "LOG"].first { severity == $0 }
    }

    /// Reads them one after another.
    public func makeIterator() -> Iterator { Iterator(rest: self.bytes) }

    /// Reads fields one after another.
    public struct Iterator: IteratorProtocol, Sendable {
        fileprivate var rest: ByteBuffer

        /// The next field; nil after the last.
        public mutating func next() -> PostgresField? {
            guard let code = self.rest.readInteger(as: UInt8.self), let value = self.rest.takeString() else { return nil }
            return PostgresField(PostgresField.Code(rawValue: code), value)
        }
    }

    func write(_ message: inout PostgresMessageWriter) throws(PostgresWireError) {
        // One ends each. They may not come from a message, and have others in them.
        guard self.bytes.numberOfZeros == self.count else {
            throw PostgresWireError(.nulInString, "a field that contains NUL")
        }
        try message.bytes(self.bytes)
        try message.integer(0 as UInt8)
    }
}

/// Shows severity and SQLSTATE only: texts quote values.
extension PostgresFields: CustomStringConvertible {
    /// Severity and SQLSTATE.
    public var description: String { "\(self.severity ?? "no severity") \(self.sqlState ?? "no SQLSTATE")" }
}
