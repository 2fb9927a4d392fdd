public import NIOCore
import WeirPostgresWire

@usableFromInline
enum PostgresArrayWriter {
    /// An array of these dimensions; of one that counts from 1 if there is nil.
    @usableFromInline
    static func encode<Element: PostgresEncodable>(
        _ elements: [Element], dimensions: [PostgresArrayDimension]?, into buffer: inout ByteBuffer
    ) throws(PostgresEncodingError) {
        let dimensions = dimensions ?? (elements.isEmpty ? [] : [PostgresArrayDimension(length: elements.count)])
        guard Element.postgresType.elementType == nil else { throw PostgresEncodingError("an array of arrays") }
        switch Element.postgresFormat {
        case .binary: try self.binary(elements, dimensions, into: &buffer)
        case .text: try self.text(elements, dimensions, into: &buffer)
        }
    }

    private static func binary<Element: PostgresEncodable>(
        _ elements: [Element], _ dimensions: [PostgresArrayDimension], into buffer: inout ByteBuffer
    ) throws(PostgresEncodingError) {
        guard Element.postgresType != .unspecified else { throw PostgresEncodingError("a binary array of elements of unknown type") }
        guard dimensions.allSatisfy({ Int32(exactly: $0.length) != nil }) else { throw PostgresEncodingError("an array too long") }
        let hasNull = elements.contains { $0.isPostgresNull }
        buffer.writeMultipleIntegers(Int32(dimensions.count), hasNull ? 1 : 0 as Int32, Element.postgresType.rawValue)
        for dimension in dimensions { buffer.writeMultipleIntegers(Int32(dimension.length), dimension.lowerBound) }
        for element in elements { try buffer.writePostgresValue(element) }
    }

    private static func text<Element: PostgresEncodable>(
        _ elements: [Element], _ dimensions: [PostgresArrayDimension], into buffer: inout ByteBuffer
    ) throws(PostgresEncodingError) {
        if dimensions.contains(where: { $0.lowerBound != 1 }) {
            for dimension in dimensions {
                buffer.writeString("[\(dimension.lowerBound):\(Int(dimension.lowerBound) + dimension.length - 1)]")
            }
            buffer.writeString("=")
        }
        // How many elements lie between two that begin a brace of each depth.
        var strides: [Int] = []
        for dimension in dimensions.reversed() { strides.append((strides.last ?? 1) * dimension.length) }
        if elements.isEmpty { buffer.writeString("{}") }
        var scratch = ByteBuffer()
        for (index, element) in elements.enumerated() {
            if index > 0 { buffer.writeString(",") }
            for stride in strides where index % stride == 0 { buffer.writeString("{") }
            if element.isPostgresNull {
                buffer.writeString("NULL")
            } else {
                scratch.clear()
                try element.encodePostgres(into: &scratch)
                buffer.writeString("\"")
                for byte in scratch.readableBytesView {
                    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { buffer.writeString("\\") }
                    buffer.writeInteger(byte)
                }
                buffer.writeString("\"")
            }
            for stride in strides where (index + 1) % stride == 0 { buffer.writeString("}") }
        }
    }
}
