import NIOCore
import Testing
import WeirPostgres
import WeirPostgresWire

/// The examples of the documentation: types of a user's own.
@Suite struct OwnTypeTests {
    struct Celsius: PostgresEncodable, PostgresDecodable, Equatable {
        var degrees: Double

        static var postgresType: PostgresType { .float8 }

        func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
            guard self.degrees >= -273.15 else { throw PostgresEncodingError("colder than cold") }
            try self.degrees.encodePostgres(into: &buffer)
        }

        init(degrees: Double) { self.degrees = degrees }

        init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
            self.degrees = try Double(postgresBytes: bytes, type: type, format: format)
        }
    }

    struct Point: PostgresDecodable {
        var x: Double
        var y: Double

        init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
            guard type == .point, format == .binary else { throw PostgresDecodingError(.typeMismatch, type: type) }
            guard bytes.byteCount == 16, let x = bytes.postgresInteger(at: 0, as: UInt64.self),
                let y = bytes.postgresInteger(at: 8, as: UInt64.self)
            else { throw PostgresDecodingError(.malformedValue, type: type) }
            (self.x, self.y) = (Double(bitPattern: x), Double(bitPattern: y))
        }
    }

    struct Pair: PostgresDecodable {
        var a: Int?
        var b: String?

        init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
            let fields = try PostgresComposite(postgresBytes: bytes, type: type, format: format)
            self.a = try fields.decode(at: 0)
            self.b = try fields.decode(at: 1)
        }
    }

    @Test func itGoesWhereOthersGo() throws {
        let warm = Celsius(degrees: 21.5)
        #expect(try Celsius(warm.encoded(), .float8) == warm)
        #expect(try [Celsius?]([warm, nil].encoded(), .float8Array) == [warm, nil])
        #expect([Celsius].postgresType == .float8Array && Celsius?.postgresType == .float8)
        var buffer = ByteBuffer()
        #expect(throws: PostgresEncodingError("colder than cold")) { try buffer.writePostgresValue([warm, Celsius(degrees: -300)]) }
        #expect(buffer.readableBytes == 0)
    }

    @Test func itReadsWhatTheServerSends() throws {
        let point = try Point(ServerValue.named("point")[0].binary, .point)
        #expect(point.x == 1.5 && point.y == -2)
        #expect(Point.failure([1, 2], .point) == .malformedValue && Point.failure(text: "(1,2)", .point) == .typeMismatch)
        for source in ServerValue.named("pair") {
            let (binary, text) = try (Pair(source.binary, source.type), Pair(Array(source.text.utf8), source.type, .text))
            #expect(binary.a == text.a && binary.b == text.b)
        }
    }
}
