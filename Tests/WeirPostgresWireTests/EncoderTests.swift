import NIOCore
import Testing
import WeirPostgresWire

/// What is written, and what is not.
@Suite struct EncoderTests {
    /// Memory that nobody has touched: a length without its bytes.
    private static func untouched(_ length: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: length)
        buffer.moveWriterIndex(to: length)
        return buffer
    }

    /// The code with which it is refused; it is an issue if something of it is left in the buffer.
    private func refusal(
        of write: (inout ByteBuffer) throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
    ) -> PostgresWireError.Code? {
        var buffer = wire("before")
        let result = code { try write(&buffer) }
        if result != nil { #expect(buffer == wire("before"), sourceLocation: sourceLocation) }
        return result
    }

    private static let none = EmptyCollection<PostgresFormat>()

    @Test func theHotPathOfAClient() throws {
        var buffer = wire("before")
        try buffer.writePostgresParse(statement: "s", query: "select $1", parameterTypes: [PostgresType(rawValue: 23), .unspecified])
        try buffer.writePostgresBind(
            portal: "p", statement: "s", parameterFormats: [.text, .binary], resultFormats: CollectionOfOne(.binary)
        ) { values throws(PostgresWireError) in
            try values.write("1")
            try values.writeNull()
            #expect(values.count == 2)
        }
        try buffer.writePostgresDescribe(portal: "p")
        try buffer.writePostgresExecute(portal: "p", maximumRows: 500)
        try buffer.writePostgresClose(statement: "s")
        try buffer.writePostgresFlush()
        try buffer.writePostgresSync()
        try buffer.writePostgresTerminate()
        let expected = [13, 0, 8, 10, 2, 11, 18, 19].map { Corpus.frontend[$0].wire }
        #expect(buffer == wire("before").appending(Corpus.joined(expected)))
    }

    @Test func valuesOfEveryKind() throws {
        var buffer = ByteBuffer()
        try buffer.writePostgresDataRow { values throws(PostgresWireError) in
            try values.write(integer: 258 as Int16)
            try values.write(integer: 1 as Int64)
            try values.write("a\0é")
            try values.write(wire("xy"))
            try values.write(nil as ByteBuffer?)
            try values.write { $0.writeBytes([1, 2, 3]) }
            try values.write(estimate: 100) { _ in }
        }
        let golden = wire(
            "D\0\0\0\u{35}\0\u{7}\0\0\0\u{2}\u{1}\u{2}\0\0\0\u{8}\0\0\0\0\0\0\0\u{1}\0\0\0\u{4}a\0\u{C3}\u{A9}\0\0\0\u{2}xy"
                + "\u{FF}\u{FF}\u{FF}\u{FF}\0\0\0\u{3}\u{1}\u{2}\u{3}\0\0\0\0")
        #expect(buffer == golden)
    }

    @Test func case30WhatIsTooLongIsRefused() {
        let large = Self.untouched(Int(Int32.max) - 2)
        let text = PostgresString(large)
        for limit in [Int.max, 1 << 31, 1 << 30] {
            #expect(self.refusal { try $0.writePostgresQuery(text, maximumLength: limit) } == .messageTooLong)
            #expect(self.refusal { try $0.writePostgresParse(statement: "s", query: text, maximumLength: limit) } == .messageTooLong)
            #expect(self.refusal { try $0.writePostgresCopyData(large, maximumLength: limit) } == .messageTooLong)
            #expect(self.refusal { try $0.writePostgresCopyFail(text, maximumLength: limit) } == .messageTooLong)
            #expect(self.refusal { try $0.writePostgresPasswordMessage(text, maximumLength: limit) } == .messageTooLong)
            #expect(
                self.refusal {
                    try $0.writePostgresBind(
                        statement: "", parameterFormats: Self.none, resultFormats: Self.none, maximumLength: limit
                    ) { values throws(PostgresWireError) in
                        try values.write(wire("first"))
                        try values.write(large)
                    }
                } == .messageTooLong)
            #expect(
                self.refusal {
                    try $0.writePostgresDataRow(maximumLength: limit) { values throws(PostgresWireError) in
                        try values.write(estimate: large.readableBytes) { _ in }
                    }
                } == .messageTooLong)
        }
        // Lengths whose sums pass 2^31 and 2^32.
        #expect(code { _ = try PostgresValues(Array(repeating: large, count: 2)) } == .messageTooLong)
        #expect(code { _ = try PostgresValues(Array(repeating: large, count: 4)) } == .messageTooLong)
    }

    @Test func aFullBufferTakesNoMore() {
        var full = Self.untouched(Int(Int32.max) - 3)
        let end = full.writerIndex
        #expect(code { try full.writePostgresSync() } == .messageTooLong)
        #expect(code { try full.writePostgresReadyForQuery(.idle) } == .messageTooLong)
        #expect(code { try full.writePostgresQuery("") } == .messageTooLong)
        #expect(code { try PostgresFrontend.SSLRequest().write(into: &full) } == .messageTooLong)
        #expect(full.writerIndex == end)
    }

    /// Each message fits its own length and nothing less.
    @Test func everyMessageKeepsItsLimit() throws {
        for (message, wire) in Corpus.backend { try self.keepsItsLimit(message, wire) }
        for (message, wire) in Corpus.frontend { try self.keepsItsLimit(message, wire) }
        for (message, wire) in Corpus.startup { try self.keepsItsLimit(message, wire, tag: 0) }
    }

    private func keepsItsLimit(_ message: some PostgresMessage, _ wire: ByteBuffer, tag: Int = 1) throws {
        let length = wire.readableBytes - tag
        var buffer = ByteBuffer()
        try message.write(into: &buffer, maximumLength: length)
        #expect(buffer == wire)
        // Those of fixed length are never too long.
        guard length > 5 else { return }
        for limit in [0, 3, 4, length - 1] {
            let code = self.refusal { try message.write(into: &$0, maximumLength: limit) }
            #expect(code == .messageTooLong, "\(wire), \(limit)")
        }
    }

    @Test func case31MoreParametersThanCanBeCounted() throws {
        func bind(_ count: Int, formats: Int = 0) -> PostgresWireError.Code? {
            self.refusal {
                try $0.writePostgresBind(
                    statement: "", parameterFormats: Array(repeating: .binary, count: formats), resultFormats: Self.none
                ) { values throws(PostgresWireError) in
                    for _ in 0..<count { try values.writeNull() }
                }
            }
        }
        #expect(bind(65_535) == nil && bind(65_535, formats: 65_535) == nil)
        #expect(bind(65_536) == .tooManyParameters && bind(1, formats: 65_536) == .tooManyParameters)
        #expect(bind(3, formats: 2) == .malformedMessage && bind(0, formats: 2) == .malformedMessage)
        #expect(bind(3, formats: 1) == nil && bind(0, formats: 1) == nil && bind(3, formats: 3) == nil)
        let types = Array(repeating: PostgresType.unspecified, count: 65_536)
        #expect(self.refusal { try $0.writePostgresParse(statement: "", query: "", parameterTypes: types) } == .tooManyParameters)
        #expect(code { _ = try PostgresValues(Array(repeating: nil, count: 65_536)) } == .tooManyParameters)
        let columns = Array(repeating: PostgresColumn(name: "", type: .unspecified), count: 65_536)
        #expect(code { _ = try PostgresBackend.RowDescription(columns) } == .tooManyParameters)
    }

    @Test func case32NULIsRefusedEverywhere() {
        for text in ["\0", "a\0", "\0a", "a\0b", "1234567\0", "12345678\0", "123456789012345\0x"] {
            let string = PostgresString(text)
            let refusals: [PostgresWireError.Code?] = [
                self.refusal { try $0.writePostgresQuery(text) }, self.refusal { try $0.writePostgresQuery(string) },
                self.refusal { try $0.writePostgresParse(statement: text, query: "") },
                self.refusal { try $0.writePostgresParse(statement: "", query: text) },
                self.refusal {
                    try $0.writePostgresBind(portal: text, statement: "", parameterFormats: Self.none, resultFormats: Self.none) { _ in }
                },
                self.refusal {
                    try $0.writePostgresBind(statement: text, parameterFormats: Self.none, resultFormats: Self.none) { _ in }
                }, self.refusal { try $0.writePostgresDescribe(statement: text) },
                self.refusal { try $0.writePostgresDescribe(portal: text) },
                self.refusal { try $0.writePostgresClose(statement: text) }, self.refusal { try $0.writePostgresClose(portal: text) },
                self.refusal { try $0.writePostgresExecute(portal: text) }, self.refusal { try $0.writePostgresCopyFail(text) },
                self.refusal { try $0.writePostgresPasswordMessage(text) },
                self.refusal { try $0.writePostgresSASLInitialResponse(mechanism: text, response: nil) },
                self.refusal { try $0.writePostgresCommandComplete(text) },
                self.refusal { try PostgresFrontend.StartupMessage(parameters: ["user": string]).write(into: &$0) },
                self.refusal { try PostgresFrontend.StartupMessage(parameters: ["user": "me", "database": string]).write(into: &$0) },
                self.refusal { try PostgresBackend.ErrorResponse(fields: [.init(.message, string)]).write(into: &$0) },
                self.refusal { try PostgresBackend.ErrorResponse(fields: [.init(.init(rawValue: 0), "")]).write(into: &$0) },
                self.refusal { try PostgresBackend.ParameterStatus(name: string, value: "").write(into: &$0) },
                self.refusal { try PostgresBackend.ParameterStatus(name: "", value: string).write(into: &$0) },
                self.refusal { try PostgresBackend.NotificationResponse(processID: 0, channel: string, payload: "").write(into: &$0) },
                self.refusal { try PostgresBackend.NotificationResponse(processID: 0, channel: "", payload: string).write(into: &$0) },
                code { _ = try PostgresBackend.RowDescription([PostgresColumn(name: string, type: .unspecified)]) },
            ]
            for (index, refusal) in refusals.enumerated() where refusal != .nulInString {
                Issue.record("\(text.debugDescription), \(index): \(String(describing: refusal))")
            }
        }
        let names: PostgresNames = ["a\0b"]
        #expect(self.refusal { try PostgresBackend.AuthenticationSASL(mechanisms: names).write(into: &$0) } == .nulInString)
        #expect(
            self.refusal {
                try PostgresBackend.NegotiateProtocolVersion(newestMinorVersion: 0, unrecognizedOptions: names).write(into: &$0)
            }
                == .nulInString)
    }

    @Test func whatWouldBeReadOtherwiseIsNotWritten() {
        func startup(_ parameters: PostgresStartupParameters, _ version: PostgresProtocolVersion = .version30) -> PostgresWireError.Code? {
            self.refusal { try PostgresFrontend.StartupMessage(version: version, parameters: parameters).write(into: &$0) }
        }
        #expect(startup(["user": "me"]) == nil)
        #expect(startup(["user": "me", "": "x"]) == .malformedMessage)
        #expect(startup(["user": "me", "user": "root"]) == .duplicateParameter)
        #expect(startup(["database": "db"]) == .missingParameter)
        #expect(startup(["user": "me"], PostgresProtocolVersion(major: 2, minor: 0)) == .unsupportedVersion)
        #expect(startup(["user": "me", "o": PostgresString(String(repeating: "x", count: 10_000))]) == .messageTooLong)
        for count in [0, 3, 257] {
            let key = ByteBuffer(repeating: 1, count: count)
            #expect(self.refusal { try PostgresFrontend.CancelRequest(processID: 1, secretKey: key).write(into: &$0) } == .malformedMessage)
            #expect(self.refusal { try PostgresBackend.BackendKeyData(processID: 1, secretKey: key).write(into: &$0) } == .malformedMessage)
        }
        #expect(self.refusal { try PostgresBackend.AuthenticationSASL(mechanisms: ["A", ""]).write(into: &$0) } == .malformedMessage)
        #expect(
            self.refusal {
                try PostgresFrontend.FunctionCall(function: 1, argumentFormats: [.text, .text], arguments: PostgresValues([])).write(
                    into: &$0)
            } == .malformedMessage)
    }

    @Test func whatAClosureThrowsTakesItAllBack() {
        let code = self.refusal {
            try $0.writePostgresDataRow { values throws(PostgresWireError) in
                try values.write("written")
                throw PostgresWireError.unencodableValue("not a value")
            }
        }
        #expect(code == .unencodableValue)
        #expect(PostgresWireError.unencodableValue("no").description == "PostgresWireError.unencodableValue: no")
    }

    @Test func aValueMayLieInTheBufferThatIsWritten() throws {
        var buffer = wire("value")
        let value = buffer
        for _ in 0..<100 { try buffer.writePostgresCopyData(value) }
        #expect(buffer.readableBytes == 5 + 100 * 10 && value == wire("value"))
        #expect(buffer.getSlice(at: 5, length: 10) == wire("d\0\0\0\u{9}value"))
    }

    /// The reader's index of a buffer that was partly sent does not matter.
    @Test func aBufferMayBePartlyRead() throws {
        var buffer = wire("sent before")
        buffer.moveReaderIndex(forwardBy: 11)
        try buffer.writePostgresQuery("select 1")
        #expect(buffer == Corpus.frontend[17].wire)
        #expect(code { try buffer.writePostgresQuery("a\0") } == .nulInString)
        #expect(buffer == Corpus.frontend[17].wire)
    }
}
