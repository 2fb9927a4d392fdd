import NIOCore

/// Reads the parts of one message, in their order, and checks that each lies in it. What it hands out are slices.
struct PostgresReader {
    private var rest: ByteBuffer

    /// - Throws: ``PostgresWireError/Code/unexpectedKind`` if the frame is another message.
    init(_ frame: PostgresFrame, _ tag: UInt8) throws(PostgresWireError) {
        guard frame.tag == tag, !frame.isEncryptionResponse else {
            throw PostgresWireError(.unexpectedKind, "a frame of another kind of message")
        }
        self.rest = frame.payload
    }

    /// - Parameter bytes: part of a message.
    init(_ bytes: ByteBuffer) { self.rest = bytes }

    init(_ frame: PostgresFrame, _ kind: PostgresBackend.Kind) throws(PostgresWireError) { try self.init(frame, kind.rawValue) }

    init(_ frame: PostgresFrame, _ kind: PostgresFrontend.Kind) throws(PostgresWireError) { try self.init(frame, kind.rawValue) }

    /// What was not read.
    var remaining: Int { self.rest.readableBytes }

    mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self) throws(PostgresWireError) -> Integer {
        guard let integer = self.rest.readInteger(as: Integer.self) else {
            throw PostgresWireError(.lengthMismatch, "a message ends in the middle of a number")
        }
        return integer
    }

    mutating func bytes(_ count: Int) throws(PostgresWireError) -> ByteBuffer {
        guard count >= 0, let bytes = self.rest.readSlice(length: count) else {
            throw PostgresWireError(.lengthMismatch, "a length reaches beyond its message")
        }
        return bytes
    }

    /// All that was not read.
    mutating func allBytes() -> ByteBuffer {
        let bytes = self.rest.slice()
        self.rest.moveReaderIndex(forwardBy: bytes.readableBytes)
        return bytes
    }

    /// Bytes after a length of four, or nil if that is -1.
    mutating func value() throws(PostgresWireError) -> ByteBuffer? {
        let length = try self.integer(Int32.self)
        if length == -1 { return nil }
        guard length >= 0 else { throw PostgresWireError(.negativeLength, "the length of a value is negative") }
        return try self.bytes(Int(length))
    }

    mutating func string() throws(PostgresWireError) -> PostgresString {
        guard let string = self.rest.takeString() else {
            throw PostgresWireError(.missingTerminator, "a string does not end in its message")
        }
        return string
    }

    mutating func format() throws(PostgresWireError) -> PostgresFormat {
        guard let format = PostgresFormat(rawValue: try self.integer()) else {
            throw PostgresWireError(.malformedMessage, "a format that the protocol does not have")
        }
        return format
    }

    mutating func columnCount(_ limits: PostgresWireLimits) throws(PostgresWireError) -> Int {
        let count = Int(try self.integer(UInt16.self))
        guard count <= limits.maximumColumns else { throw PostgresWireError(.tooManyColumns, "more columns than the limit") }
        return count
    }

    mutating func parameterCount(_ limits: PostgresWireLimits) throws(PostgresWireError) -> Int {
        let count = Int(try self.integer(UInt16.self))
        guard count <= limits.maximumParameters else { throw PostgresWireError(.tooManyParameters, "more parameters than the limit") }
        return count
    }

    mutating func list<Element>(_ count: Int, of _: Element.Type = Element.self) throws(PostgresWireError) -> PostgresList<Element> {
        try PostgresList(checking: try self.bytes(count * PostgresList<Element>.elementLength))
    }

    mutating func values(_ count: Int) throws(PostgresWireError) -> PostgresValues {
        let end = try self.rest.readableBytesSpan.withUnsafeBytes { bytes throws(PostgresWireError) in
            try PostgresValues.end(of: count, bytes, from: 0)
        }
        return PostgresValues(checked: try self.bytes(end), count: count)
    }

    /// Nothing may be left.
    func end() throws(PostgresWireError) {
        guard self.rest.readableBytes == 0 else { throw PostgresWireError(.trailingBytes, "bytes behind the end of a message") }
    }
}

extension ByteBuffer {
    /// The string at the beginning; nil if it does not end.
    mutating func takeString() -> PostgresString? {
        let length = self.readableBytesSpan.withUnsafeBytes { PostgresBytes.firstZero($0, from: 0) }
        guard let length, let bytes = self.readSlice(length: length) else { return nil }
        self.moveReaderIndex(forwardBy: 1)
        return PostgresString(bytes)
    }

    /// How many of its bytes are NUL.
    var numberOfZeros: Int { self.readableBytesView.reduce(0) { $0 + ($1 == 0 ? 1 : 0) } }
}
