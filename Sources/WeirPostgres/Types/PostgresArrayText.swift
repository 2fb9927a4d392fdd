import WeirPostgresWire

/// Reads the text form of an array: `{1,2,NULL}`, `{{"a b","\""},{c,d}}`, `[0:1]={1,2}`.
///
/// Elements are decoded as they are met; what is allocated is bounded by the bytes read.
///
/// Source: `array_out` in `src/backend/utils/adt/arrayfuncs.c` of PostgreSQL 15.
struct PostgresArrayText {
    private var scanner: PostgresTextScanner
    private let type: PostgresType
    private let elementType: PostgresType
    private let delimiter: UInt8
    /// An element without its quotes and backslashes.
    private var scratch: [UInt8] = []

    init(_ bytes: UnsafeRawBufferPointer, type: PostgresType) {
        self.scanner = PostgresTextScanner(bytes)
        self.type = type
        // Of arrays of a user's own it is not known what they hold: of unspecified type, the elements are read as what is asked for.
        self.elementType = type.elementType ?? .unspecified
        self.delimiter = type == .boxArray ? UInt8(ascii: ";") : UInt8(ascii: ",")
    }

    mutating func array<Element: PostgresDecodable>() throws(PostgresDecodingError) -> PostgresArray<Element> {
        if self.type == .int2vector || self.type == .oidvector { return try self.vector() }
        guard let announced = self.dimensions() else { throw self.malformed }
        var elements: [Element] = []
        // Of each open brace how many it has so far, and of each depth how many there must be.
        var counts: [Int] = []
        var lengths: [Int] = []
        // How deep the elements stand, once one was met.
        var depth: Int?
        guard self.scanner.accept("{" as Unicode.Scalar) else { throw self.malformed }
        counts.append(0)
        if self.scanner.accept("}" as Unicode.Scalar) {
            guard self.scanner.isAtEnd, announced.isEmpty else { throw self.malformed }
            return PostgresArray([])
        }
        lengths.append(0)
        while true {
            // At the beginning of an element.
            if self.scanner.accept("{" as Unicode.Scalar) {
                guard counts.count < (depth ?? PostgresArrayHeader.maximumDimensions) else { throw self.malformed }
                if depth == nil { lengths.append(0) }
                counts.append(0)
                continue
            }
            guard counts.count == depth ?? counts.count else { throw self.malformed }
            depth = counts.count
            elements.append(try self.element())
            // What stands behind an element: braces that close, then a delimiter or the end.
            while true {
                counts[counts.count - 1] += 1
                if self.scanner.peek == self.delimiter {
                    self.scanner.index += 1
                    break
                }
                guard self.scanner.accept("}" as Unicode.Scalar), let count = counts.popLast() else { throw self.malformed }
                if lengths[counts.count] == 0 { lengths[counts.count] = count }
                guard lengths[counts.count] == count else { throw self.malformed }
                if counts.isEmpty {
                    guard self.scanner.isAtEnd, announced.isEmpty || announced.map(\.length) == lengths else { throw self.malformed }
                    let dimensions = announced.isEmpty ? lengths.map { PostgresArrayDimension(length: $0) } : announced
                    guard let array = PostgresArray(elements, dimensions: dimensions) else { throw self.malformed }
                    return array
                }
            }
        }
    }

    private var malformed: PostgresDecodingError { PostgresDecodingError(.malformedValue, type: self.type) }

    /// `[0:1][-3:5]=`, which stands there where a lower bound is not 1.
    private mutating func dimensions() -> [PostgresArrayDimension]? {
        var dimensions: [PostgresArrayDimension] = []
        while self.scanner.accept("[" as Unicode.Scalar) {
            guard dimensions.count < PostgresArrayHeader.maximumDimensions, let lower = self.bound(),
                self.scanner.accept(":" as Unicode.Scalar), let upper = self.bound(), self.scanner.accept("]" as Unicode.Scalar),
                upper >= lower
            else { return nil }
            dimensions.append(PostgresArrayDimension(length: Int(upper) - Int(lower) + 1, lowerBound: lower))
        }
        return dimensions.isEmpty || self.scanner.accept("=" as Unicode.Scalar) ? dimensions : nil
    }

    private mutating func bound() -> Int32? {
        let isNegative = self.scanner.accept("-" as Unicode.Scalar)
        guard let value = self.scanner.number(1...10) else { return nil }
        return Int32(exactly: isNegative ? -value : value)
    }

    private mutating func element<Element: PostgresDecodable>() throws(PostgresDecodingError) -> Element {
        let start = self.scanner.index
        if self.scanner.accept("\"" as Unicode.Scalar) {
            self.scratch.removeAll(keepingCapacity: true)
            while let byte = self.scanner.next() {
                switch byte {
                case UInt8(ascii: "\""): return try Element(postgresBytes: self.scratch.span.bytes, type: self.elementType, format: .text)
                case UInt8(ascii: "\\"):
                    guard let escaped = self.scanner.next() else { throw self.malformed }
                    self.scratch.append(escaped)
                default: self.scratch.append(byte)
                }
            }
            throw self.malformed
        }
        while let byte = self.scanner.peek, byte != self.delimiter, byte != UInt8(ascii: "}") {
            // The server quotes elements with these.
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: " "), 9...13: throw self.malformed
            default: self.scanner.index += 1
            }
        }
        let bytes = UnsafeRawBufferPointer(rebasing: self.scanner.bytes[start..<self.scanner.index])
        if bytes.isEmpty { throw self.malformed }
        // It quotes the word where it means the word.
        if bytes.elementsEqual("NULL".utf8) { return try Element(postgresNullOf: self.elementType) }
        return try Element(postgresBytes: bytes.bytes, type: self.elementType, format: .text)
    }

    /// `1 2 3`: an int2vector or oidvector.
    private mutating func vector<Element: PostgresDecodable>() throws(PostgresDecodingError) -> PostgresArray<Element> {
        var elements: [Element] = []
        while !self.scanner.isAtEnd {
            guard elements.isEmpty || self.scanner.accept(" " as Unicode.Scalar) else { throw self.malformed }
            let start = self.scanner.index
            while let byte = self.scanner.peek, byte != UInt8(ascii: " ") { self.scanner.index += 1 }
            let bytes = UnsafeRawBufferPointer(rebasing: self.scanner.bytes[start..<self.scanner.index])
            elements.append(try Element(postgresBytes: bytes.bytes, type: self.elementType, format: .text))
        }
        return PostgresArray(elements, dimensions: [PostgresArrayDimension(length: elements.count, lowerBound: 0)]) ?? PostgresArray([])
    }
}
