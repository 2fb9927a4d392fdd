import NIOCore

/// Strings one behind the other: SASL mechanisms, options not recognized. A slice of the message, checked, and read when asked.
public struct PostgresNames: Hashable, Sendable, Sequence, ExpressibleByArrayLiteral {
    private let bytes: ByteBuffer
    /// How many there are.
    public let count: Int

    init(checked bytes: ByteBuffer, count: Int) {
        self.bytes = bytes
        self.count = count
    }

    /// These names. NUL in one is found out when they are written.
    public init(_ names: some Sequence<PostgresString>) {
        var bytes = ByteBuffer()
        var count = 0
        for name in names {
            bytes.writeImmutableBuffer(name.bytes)
            bytes.writeInteger(0 as UInt8)
            count += 1
        }
        self.bytes = bytes
        self.count = count
    }

    /// These names.
    public init(arrayLiteral elements: PostgresString...) { self.init(elements) }

    /// Reads them one after another.
    public func makeIterator() -> Iterator { Iterator(rest: self.bytes) }

    /// How many there are.
    public var underestimatedCount: Int { self.count }

    /// Reads names one after another.
    public struct Iterator: IteratorProtocol, Sendable {
        fileprivate var rest: ByteBuffer

        /// The next name; nil after the last.
        public mutating func next() -> PostgresString? {
            self.rest.takeString()
        }
    }

    /// Whether none has NUL in it: one ends each, and they may not come from a message.
    var areWhole: Bool { self.bytes.numberOfZeros == self.count }

    /// Appends them without count or terminator.
    func write(_ message: inout PostgresMessageWriter) throws(PostgresWireError) {
        guard self.areWhole else { throw PostgresWireError(.nulInString, "a string that contains NUL") }
        try message.bytes(self.bytes)
    }

    /// Appends them and the empty string that ends them, so none may be empty.
    func writeTerminated(_ message: inout PostgresMessageWriter) throws(PostgresWireError) {
        guard !self.areWhole || self.allSatisfy({ !$0.isEmpty }) else {
            throw PostgresWireError(.malformedMessage, "an empty name would end the list early")
        }
        try self.write(&message)
        try message.integer(0 as UInt8)
    }
}

/// Shows how many there are only.
extension PostgresNames: CustomStringConvertible {
    /// How many there are.
    public var description: String { "PostgresNames(\(self.count))" }
}
