public import NIOCore
public import WeirPostgresWire

/// An array of one dimension, sent as one that counts from 1. `[UInt8]` is sent as bytea, which is what bytes are for, and read from bytea
/// and from arrays of integers.
extension Array: PostgresEncodable where Element: PostgresEncodable {
    @inlinable public static var postgresType: PostgresType { Element.self == UInt8.self ? .bytea : Element.postgresArrayType }
    @inlinable public static var postgresFormat: PostgresFormat { Element.postgresFormat }

    /// In the form of the elements. Throws where their type is not known and their form is binary, as the form of arrays names it, and for
    /// arrays of arrays: those are ``PostgresArray``.
    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        if Element.self == UInt8.self, let bytes = self as? [UInt8] {
            buffer.writeBytes(bytes)
        } else {
            try PostgresArrayWriter.encode(self, dimensions: nil, into: &buffer)
        }
    }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// From an array of one dimension, or none, of whatever `Element` is read from; `outOfRange` for more. What it counts from is forgotten.
    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        if Element.self == UInt8.self, type == .bytea, let array = try PostgresBytea.bytes(bytes, type, format) as? [Element] {
            self = array
            return
        }
        switch format {
        case .binary:
            let header = try PostgresArrayHeader(bytes, type: type)
            guard header.dimensionCount <= 1 else { throw PostgresDecodingError(.outOfRange, type: type) }
            self = try PostgresArrayReader.elements(bytes, header, type: type)
        case .text:
            let array: PostgresArray<Element> = try PostgresArrayReader.text(bytes, type)
            guard array.dimensions.count <= 1 else { throw PostgresDecodingError(.outOfRange, type: type) }
            self = array.elements
        }
    }
}
