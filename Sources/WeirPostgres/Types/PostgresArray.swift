public import NIOCore
public import WeirPostgresWire

/// How long an array is in one direction, and what its first element there is counted as.
public struct PostgresArrayDimension: Hashable, Sendable {
    /// How many elements lie in this direction.
    public var length: Int
    /// What the first is counted as: 1, unless said otherwise.
    public var lowerBound: Int32

    /// Counted from 1, unless said otherwise.
    @inlinable
    public init(length: Int, lowerBound: Int32 = 1) {
        self.length = length
        self.lowerBound = lowerBound
    }
}

/// An array of up to six dimensions, each counted from a number of its own. Where there is one and it counts from 1, or nobody cares, a
/// Swift array does: `[Element]`, or `[Element?]` for one that holds NULL.
public struct PostgresArray<Element> {
    /// None where there are no elements.
    public let dimensions: [PostgresArrayDimension]
    /// All elements; the last index moves fastest.
    public let elements: [Element]

    /// An array of one dimension that counts from 1.
    @inlinable
    public init(_ elements: [Element]) {
        self.elements = elements
        self.dimensions = elements.isEmpty ? [] : [PostgresArrayDimension(length: elements.count)]
    }

    /// An array of these dimensions. Nil where they are more than six, do not multiply to the number of the elements, or end beyond what
    /// 32 bits can count.
    public init?(_ elements: [Element], dimensions: [PostgresArrayDimension]) {
        guard dimensions.count <= PostgresArrayHeader.maximumDimensions else { return nil }
        var count = dimensions.isEmpty ? 0 : 1
        for dimension in dimensions {
            guard dimension.length >= 0, Int32(exactly: dimension.length) != nil,
                case let end = Int(dimension.lowerBound) + dimension.length,
                Int32(exactly: end) != nil, case let (product, overflows) = count.multipliedReportingOverflow(by: dimension.length),
                !overflows
            else { return nil }
            count = product
        }
        guard count == elements.count else { return nil }
        self.elements = elements
        self.dimensions = count == 0 ? [] : dimensions
    }

    /// The element at these indices, each counted as its dimension counts; nil where there is none.
    public subscript(indices: Int...) -> Element? {
        guard indices.count == self.dimensions.count, !indices.isEmpty else { return nil }
        var position = 0
        for (index, dimension) in zip(indices, self.dimensions) {
            let (offset, overflows) = index.subtractingReportingOverflow(Int(dimension.lowerBound))
            guard !overflows, offset >= 0, offset < dimension.length else { return nil }
            position = position * dimension.length + offset
        }
        return self.elements[position]
    }
}

extension PostgresArray: Sendable where Element: Sendable {}
extension PostgresArray: Equatable where Element: Equatable {}
extension PostgresArray: Hashable where Element: Hashable {}

extension PostgresArray: PostgresEncodable where Element: PostgresEncodable {
    @inlinable public static var postgresType: PostgresType { Element.postgresArrayType }
    @inlinable public static var postgresFormat: PostgresFormat { Element.postgresFormat }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        try PostgresArrayWriter.encode(self.elements, dimensions: self.dimensions, into: &buffer)
    }
}

extension PostgresArray: PostgresDecodable where Element: PostgresDecodable {
    /// From an array of whatever `Element` is read from.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        switch format {
        case .text: self = try PostgresArrayReader.text(bytes, type)
        case .binary:
            let header = try PostgresArrayHeader(bytes, type: type)
            let elements: [Element] = try PostgresArrayReader.elements(bytes, header, type: type)
            let dimensions = (0..<header.dimensionCount).map { dimension in
                PostgresArrayDimension(
                    length: Int(bytes.postgresInteger(at: 12 + 8 * dimension, as: Int32.self) ?? 0),
                    lowerBound: bytes.postgresInteger(at: 16 + 8 * dimension, as: Int32.self) ?? 0)
            }
            guard let array = PostgresArray(elements, dimensions: dimensions) else {
                throw PostgresDecodingError(.malformedValue, type: type)
            }
            self = array
        }
    }
}
