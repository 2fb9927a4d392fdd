import NIOCore
import Testing
import WeirPostgresWire

/// A row where it lies.
@Suite struct DataRowTests {
    @Test func columnsAreWalked() throws {
        let values: [ByteBuffer?] = [wire("abc"), nil, ByteBuffer(), wire("d"), nil, ByteBuffer()]
        var bytes = wire("before")
        try PostgresBackend.DataRow(values: PostgresValues(values)).write(into: &bytes)
        bytes.writeString("after")
        try bytes.withUnsafeReadableBytes { memory in
            var scanner = PostgresFrameScanner(from: .backend, phase: .session)
            let header = try #require(try scanner.next(memory, at: 6))
            let row = try PostgresDataRow(memory, payload: (6 + header.payloadOffset)..<(6 + header.length))
            #expect(row.count == 6)
            #expect(row.map { $0.isNull ? nil : bytes.getSlice(at: $0.offset, length: $0.length) } == values)
            #expect(row.map(\.length) == [3, -1, 0, 1, -1, 0])
            var walker = row
            for _ in 0..<6 { _ = walker.next() }
            #expect(walker.next() == nil && walker.next() == nil)
        }
    }

    @Test func anEmptyRow() throws {
        try wire("\0\0").withUnsafeReadableBytes { bytes in
            var row = try PostgresDataRow(bytes, payload: 0..<2)
            #expect(row.count == 0 && row.next() == nil)
        }
    }

    @Test func asManyColumnsAsThereAre() throws {
        let nulls: [ByteBuffer?] = Array(repeating: nil, count: 65_535)
        var bytes = ByteBuffer()
        try PostgresBackend.DataRow(values: PostgresValues(nulls)).write(into: &bytes)
        try bytes.withUnsafeReadableBytes { memory in
            let payload = 5..<memory.count
            #expect(code { _ = try PostgresDataRow(memory, payload: payload) } == .tooManyColumns)
            let row = try PostgresDataRow(memory, payload: payload, maximumColumns: 65_535)
            #expect(row.reduce(0) { $0 + $1.length } == -65_535)
        }
        #expect(refusal(bytes, .backend) == .tooManyColumns)
        #expect(refusal(bytes, .backend, limits: PostgresWireLimits(maximumColumns: 65_535)) == nil)
    }
}
