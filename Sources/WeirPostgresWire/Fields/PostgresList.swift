import NIOCore

/// Numbers one behind the other, as formats and types are: a slice of the message, checked, and read when asked.
public struct PostgresList<Element: RawRepresentable & Hashable & Sendable>: Hashable, Sendable, RandomAccessCollection,
    ExpressibleByArrayLiteral
where Element.RawValue: FixedWidthInteger {
    private let bytes: ByteBuffer

    static var elementLength: Int { Element.RawValue.bitWidth / 8 }

    /// - Throws: ``PostgresWireError/Code/malformedMessage`` if a number is no element.
    init(checking bytes: ByteBuffer) throws(PostgresWireError) {
        var rest = bytes
        while let number = rest.readInteger(as: Element.RawValue.self) {
            guard Element(rawValue: number) != nil else {
                throw PostgresWireError(.malformedMessage, "a number that the protocol does not have")
            }
        }
        self.bytes = bytes
    }

    /// A list of these elements.
    ///
    /// - Complexity: linear: they are written as they are on the wire.
    public init(_ elements: some Sequence<Element>) {
        var bytes = ByteBuffer()
        for element in elements { bytes.writeInteger(element.rawValue) }
        self.bytes = bytes
    }

    /// A list of these elements.
    public init(arrayLiteral elements: Element...) { self.init(elements) }

    /// Always 0.
    public var startIndex: Int { 0 }
    /// How many there are.
    public var endIndex: Int { self.bytes.readableBytes / Self.elementLength }

    /// The element at a place.
    ///
    /// - Precondition: there is one.
    /// - Complexity: O(1).
    public subscript(position: Int) -> Element {
        let at = self.bytes.readerIndex + position * Self.elementLength
        guard position >= 0, let number = self.bytes.getInteger(at: at, as: Element.RawValue.self), let element = Element(rawValue: number)
        else { preconditionFailure("no element \(position)") }
        return element
    }
}

extension PostgresList<PostgresFormat> {
    /// Which format the value at a place has: of none given, text; of one, that one; else its own.
    ///
    /// - Returns: nil if several are given and none for this place.
    public func format(ofValue index: Int) -> PostgresFormat? {
        switch self.count {
        case 0: return .text
        case 1: return self[0]
        default: return self.indices.contains(index) ? self[index] : nil
        }
    }

    /// Whether they are as many as can be given for so many values: none, one for all, or one each.
    @usableFromInline
    static func fits(_ formats: Int, values: Int) -> Bool { formats <= 1 || formats == values }
}
