import NIOCore
import Testing
import WeirPostgresWire

/// What messages are made of.
@Suite struct FieldTests {
    @Test func commandTags() {
        for (text, verb, rows, oid) in [
            ("SELECT 5", "SELECT", 5, nil), ("INSERT 0 1", "INSERT", 1, nil), ("INSERT 16385 1", "INSERT", 1, 16385),
            ("UPDATE 0", "UPDATE", 0, nil), ("CREATE TABLE", "CREATE TABLE", nil, nil), ("BEGIN", "BEGIN", nil, nil), ("", "", nil, nil),
            ("COPY 18446744073709551615", "COPY", UInt64.max, nil), ("COPY 18446744073709551616", "COPY 18446744073709551616", nil, nil),
            ("MOVE x1", "MOVE x1", nil, nil), ("MOVE ", "MOVE ", nil, nil), (" 1", "", 1, nil), ("INSERT 4294967296 2", "INSERT", 2, nil),
            ("CREATE TABLE AS 7", "CREATE TABLE AS", 7, nil), ("SELECT -1", "SELECT -1", nil, nil),
        ] as [(String, String, UInt64?, UInt32?)] {
            let tag = PostgresCommandTag(PostgresString(text))
            #expect(tag.verb == verb && tag.affectedRows == rows && tag.insertedOID == oid, "\(text)")
        }
    }

    @Test func valuesAreReadLazily() throws {
        let values = try PostgresValues([ByteBuffer(string: "a"), nil, ByteBuffer()])
        #expect(values.count == 3 && !values.isEmpty)
        #expect(Array(values) == [ByteBuffer(string: "a"), nil, ByteBuffer()])
        #expect(values[0] == .some(ByteBuffer(string: "a")))
        #expect(values[1] == .some(nil))
        #expect(values[2] == .some(ByteBuffer()))
        #expect(values[3] == .none && values[-1] == .none)
    }

    @Test func aValueIsASliceOfTheMessage() throws {
        let wire = wire("D\0\0\0\u{C}\0\u{1}\0\0\0\u{2}ab")
        let row = try PostgresBackend.DataRow(frame(wire, .backend))
        let start = wire.withUnsafeReadableBytes { $0.baseAddress }
        #expect(row.values.first { _ in true }??.withUnsafeReadableBytes { $0.baseAddress } == start.map { $0 + 11 })
    }

    @Test func formatsOfValues() {
        let none: PostgresList<PostgresFormat> = []
        let one: PostgresList<PostgresFormat> = [.binary]
        let each: PostgresList<PostgresFormat> = [.binary, .text]
        #expect((0..<3).map { none.format(ofValue: $0) } == [.text, .text, .text])
        #expect((0..<3).map { one.format(ofValue: $0) } == [.binary, .binary, .binary])
        #expect((0..<3).map { each.format(ofValue: $0) } == [.binary, .text, nil])
        #expect(Array(each) == [.binary, .text] && each.endIndex == 2)
    }

    @Test func columnsAreReadLazily() throws {
        let columns = (0..<3).map { PostgresColumn(name: PostgresString("c\($0)"), type: PostgresType(rawValue: UInt32($0))) }
        let description = try PostgresBackend.RowDescription(columns)
        #expect(description.count == 3)
        #expect(Array(description) == columns)
    }

    @Test func fieldsOfAnError() {
        let fields: PostgresFields = [
            .init(.severity, "FEHLER"), .init(.nonlocalizedSeverity, "ERROR"), .init(.sqlState, "42P01"), .init(.message, "secret"),
            .init(.init(rawValue: UInt8(ascii: "?")), "kept"),
        ]
        #expect(fields.sqlState == "42P01" && fields.severity == "ERROR")
        #expect(fields[.message]?.string == "secret" && fields[.hint] == nil)
        #expect(fields[.init(rawValue: UInt8(ascii: "?"))]?.string == "kept")
        #expect(fields.description == "ERROR 42P01")
        #expect("\(PostgresBackend.ErrorResponse(fields: fields))".contains("secret") == false)
        // What is none is not shown.
        let odd: PostgresFields = [.init(.severity, "secret"), .init(.sqlState, "secr!")]
        #expect(odd.description == "no severity no SQLSTATE" && odd.sqlState == nil)
    }

    @Test func stringsOfTheProtocol() {
        let string: PostgresString = "abc"
        #expect(string == "abc" && string.string == "abc" && !string.isEmpty && string.postgresByteCount == 3)
        #expect(!(string == ("ab" as String)) && !(string == ("abcd" as String)))
        #expect(PostgresString(ByteBuffer(bytes: [0xFF])).string == "\u{FFFD}")
    }

    @Test func startupParameters() throws {
        let parameters: PostgresStartupParameters = ["user": "me", "search_path": "a"]
        #expect(parameters.user == "me" && parameters.database == "me" && parameters.count == 2)
        #expect(parameters["search_path"]?.string == "a" && parameters["b"] == nil)
    }
}
