import NIOCore
import Testing
import WeirPostgresWire

/// Cases from advisories and bug reports of other clients and servers, by their numbers in the project's list.
@Suite struct HostileCaseTests {
    // MARK: 28, lengths

    private static let lengths: [UInt32] = [0, 1, 2, 3, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF]

    private func expected(_ length: UInt32, before other: PostgresWireError.Code) -> PostgresWireError.Code {
        switch length {
        case 0...3: return .lengthTooSmall
        case 0x8000_0000...: return .negativeLength
        default: return other
        }
    }

    @Test(arguments: PostgresBackend.Kind.allCases) func case28LengthsOfABackend(kind: PostgresBackend.Kind) {
        let ready = Corpus.login[14].wire
        for length in Self.lengths {
            let expected = self.expected(length, before: .lengthTooLong)
            let message = message(kind.rawValue, length: length)
            #expect(backend(message) == Outcome(code: expected), "login, \(length)")
            #expect(backend(ready.appending(message)) == Outcome(frames: backend(ready).frames, code: expected), "session, \(length)")
        }
    }

    @Test(arguments: PostgresFrontend.Kind.allCases) func case28LengthsOfAFrontend(kind: PostgresFrontend.Kind) {
        for length in Self.lengths {
            let expected = self.expected(length, before: .lengthTooLong)
            if kind == .startupPacket {
                #expect(frontend(packet(length: length, code: 0x3_0000)) == Outcome(code: expected), "\(length)")
                continue
            }
            let message = message(kind.rawValue, length: length)
            #expect(frontend(Corpus.startup[3].wire, message).code == expected, "login, \(length)")
            #expect(refusal(message, .frontend) == expected, "session, \(length)")
        }
    }

    /// Where the limits allow the length, it is waited for, and nothing is reserved.
    @Test func case28WhatIsAnnouncedIsNotReserved() throws {
        let unlimited = PostgresWireLimits(maximumMessageLength: Int(Int32.max))
        var decoder = PostgresBackendDecoder(limits: unlimited)
        var ready = Corpus.login[14].wire
        #expect(try decoder.decode(buffer: &ready) != nil)
        var announced = message(UInt8(ascii: "D"), length: 0x7FFF_FFFF)
        let capacity = announced.capacity
        #expect(try decoder.decode(buffer: &announced) == nil)
        #expect(announced.capacity == capacity)
    }

    /// One byte less or more than the kind can have.
    @Test func case28LengthsByKind() {
        for (tag, length, sender) in [
            ("Z", 4, PostgresSender.backend), ("1", 3, .backend), ("K", 11, .backend), ("R", 7, .backend), ("D", 5, .backend),
            ("T", 5, .backend), ("E", 4, .backend), ("A", 9, .backend), ("S", 5, .backend), ("B", 11, .frontend), ("P", 7, .frontend),
            ("E", 8, .frontend), ("Q", 4, .frontend), ("C", 5, .frontend), ("F", 13, .frontend), ("S", 3, .frontend),
        ] as [(String, UInt32, PostgresSender)] {
            let short = message(tag.utf8.first!, length: length, ByteBuffer(repeating: 0, count: 20))
            #expect(refusal(short, sender) == .lengthTooSmall, "\(tag)")
        }
        for (tag, length, sender) in [
            ("Z", 6, PostgresSender.backend), ("1", 5, .backend), ("K", 265, .backend), ("t", 6 + 4 * 65_535 + 1, .backend),
            ("G", 7 + 2 * 65_535 + 1, .backend), ("R", 65_537, .backend), ("S", 65_537, .backend), ("C", 65_537, .backend),
            ("D", 1 << 30 + 1, .backend), ("S", 5, .frontend), ("X", 5, .frontend), ("p", 65_537, .frontend), ("C", 65_537, .frontend),
            ("E", 65_537, .frontend), ("Q", 1 << 30 + 1, .frontend),
        ] as [(String, UInt32, PostgresSender)] {
            #expect(refusal(message(tag.utf8.first!, length: length), sender) == .lengthTooLong, "\(tag)")
        }
    }

    @Test func case28UnknownKinds() {
        let backendTags = Set(PostgresBackend.Kind.allCases.map(\.rawValue))
        let frontendTags = Set(PostgresFrontend.Kind.allCases.map(\.rawValue)).subtracting([0])
        for byte in UInt8.min...UInt8.max {
            if !backendTags.contains(byte) { #expect(backend(ByteBuffer(bytes: [byte])) == Outcome(code: .unknownKind)) }
            if !frontendTags.contains(byte) {
                #expect(frontend(Corpus.startup[3].wire, ByteBuffer(bytes: [byte])).code == .unknownKind)
            }
        }
        #expect(refusal(wire("R\0\0\0\u{8}\0\0\0\u{1}"), .backend) == .unknownKind)
        #expect(refusal(wire("R\0\0\0\u{8}\u{FF}\0\0\0"), .backend) == .unknownKind)
    }

    // MARK: 29, lengths and counts inside

    private let rowPayloads: [(String, PostgresWireError.Code)] = [
        ("\0\u{1}\u{FF}\u{FF}\u{FF}\u{FE}", .negativeLength), ("\0\u{1}\u{80}\0\0\0", .negativeLength),
        ("\0\u{1}\0\0\0\u{1}", .lengthMismatch), ("\0\u{1}\u{7F}\u{FF}\u{FF}\u{FF}", .lengthMismatch),
        ("\0\u{1}\0\0\0\u{3}ab", .lengthMismatch), ("\0\u{1}\0\0\0", .lengthMismatch), ("\0\u{1}", .lengthMismatch),
        ("\0\u{2}\0\0\0\u{1}a", .lengthMismatch), ("\0\u{2}\0\0\0\0\0\0", .lengthMismatch),
        ("\0\u{1}\0\0\0\u{1}ab", .trailingBytes), ("\0\0\0", .trailingBytes), ("\u{FF}\u{FF}\0\0", .tooManyColumns),
    ]

    @Test func case29RowsThatLie() {
        for (payload, expected) in self.rowPayloads {
            let bytes = message(UInt8(ascii: "D"), wire(payload))
            #expect(refusal(bytes, .backend) == expected, "\(payload.debugDescription)")
            bytes.withUnsafeReadableBytes { bytes in
                #expect(code { _ = try PostgresDataRow(bytes, payload: 5..<bytes.count) } == expected, "\(payload.debugDescription)")
            }
        }
        #expect(refusal(wire("D\0\0\0\u{5}\0"), .backend) == .lengthTooSmall)
        wire("\0").withUnsafeReadableBytes { bytes in
            #expect(code { _ = try PostgresDataRow(bytes, payload: 0..<bytes.count) } == .lengthMismatch)
            #expect(code { _ = try PostgresDataRow(bytes, payload: 0..<0) } == .lengthMismatch)
        }
    }

    /// The row ends where its message does, not where the buffer does.
    @Test func case29ARowIsNotReadBeyondItsMessage() {
        let bytes = message(UInt8(ascii: "D"), wire("\0\u{1}\0\0\0\u{3}ab")).appending(ByteBuffer(string: "next message"))
        bytes.withUnsafeReadableBytes { bytes in
            #expect(code { _ = try PostgresDataRow(bytes, payload: 5..<13) } == .lengthMismatch)
        }
    }

    @Test func case29ColumnsWithoutBytes() {
        let unlimited = PostgresWireLimits(maximumColumns: 65_535)
        #expect(refusal(message(UInt8(ascii: "D"), wire("\u{FF}\u{FF}\0")), .backend, limits: unlimited) == .lengthMismatch)
        #expect(refusal(message(UInt8(ascii: "T"), wire("\u{FF}\u{FF}\0\0\0")), .backend, limits: unlimited) == .lengthMismatch)
        for tag in ["G", "H", "W"] {
            #expect(refusal(message(tag.utf8.first!, wire("\0\u{FF}\u{FF}\0\0")), .backend) == .tooManyColumns)
            #expect(refusal(message(tag.utf8.first!, wire("\0\u{FF}\u{FF}\0\0")), .backend, limits: unlimited) == .lengthMismatch)
            #expect(refusal(message(tag.utf8.first!, wire("\0\0\u{1}\0")), .backend) == .lengthMismatch)
            #expect(refusal(message(tag.utf8.first!, wire("\u{2}\0\0")), .backend) == .malformedMessage)
            #expect(refusal(message(tag.utf8.first!, wire("\0\0\u{1}\0\u{2}")), .backend) == .malformedMessage)
        }
        #expect(refusal(message(UInt8(ascii: "t"), wire("\u{FF}\u{FF}\0\0\0\0")), .backend) == .lengthMismatch)
        #expect(refusal(message(UInt8(ascii: "V"), wire("\0\0\0\u{1}")), .backend) == .lengthMismatch)
        #expect(refusal(message(UInt8(ascii: "V"), wire("\u{FF}\u{FF}\u{FF}\u{FE}")), .backend) == .negativeLength)
        #expect(refusal(message(UInt8(ascii: "v"), wire("\0\0\0\0\u{7F}\u{FF}\u{FF}\u{FF}")), .backend) == .tooManyOptions)
        #expect(refusal(message(UInt8(ascii: "v"), wire("\0\0\0\0\u{FF}\u{FF}\u{FF}\u{FF}")), .backend) == .negativeLength)
    }

    @Test func case29ClientsThatLie() {
        for (tag, payload, expected) in [
            ("B", "\0\0\0\0\0\u{1}\u{FF}\u{FF}\u{FF}\u{FE}\0\0", .negativeLength), ("B", "\0\0\0\0\0\u{1}\0\0\0\u{3}ab", .lengthMismatch),
            ("B", "\0\0\u{FF}\u{FF}\0\0\0\0", .lengthMismatch), ("B", "\0\0\0\0\u{FF}\u{FF}\0\0", .lengthMismatch),
            ("B", "\0\0\0\u{2}\0\0\0\0\0\0\0\0", .malformedMessage), ("B", "\0\0\0\u{1}\0\u{2}\0\0\0\0", .malformedMessage),
            ("B", "\0\0\0\0\0\0\0\u{1}", .lengthMismatch), ("B", "\0\0\0\0\0\0\0\0\0", .trailingBytes),
            ("B", "aaaaaaaa", .missingTerminator), ("P", "\0\0\u{FF}\u{FF}", .lengthMismatch), ("P", "\0aaaa", .missingTerminator),
            ("F", "\0\0\0\0\0\0\0\u{1}\u{FF}\u{FF}\u{FF}\u{FE}", .negativeLength),
            ("F", "\0\0\0\0\0\u{2}\0\0\0\0\0\0\0\0", .malformedMessage), ("F", "\0\0\0\0\0\0\0\0\0\u{2}", .malformedMessage),
            ("C", "X\0", .malformedMessage), ("D", "\0\0", .malformedMessage), ("D", "S\0\0", .trailingBytes),
            ("E", "\0\0\0\0\0\0", .trailingBytes), ("Q", "a", .missingTerminator), ("Q", "a\0b\0", .trailingBytes),
        ] as [(String, String, PostgresWireError.Code)] {
            #expect(refusal(message(tag.utf8.first!, wire(payload)), .frontend) == expected, "\(tag) \(payload.debugDescription)")
        }
    }

    @Test func case31ParametersOverTheLimit() {
        let limits = PostgresWireLimits(maximumParameters: 1)
        let bind = message(UInt8(ascii: "B"), wire("\0\0\0\0\0\u{2}\0\0\0\0\0\0\0\0\0\0"))
        #expect(refusal(bind, .frontend) == nil)
        #expect(refusal(bind, .frontend, limits: limits) == .tooManyParameters)
        let parse = message(UInt8(ascii: "P"), wire("\0\0\0\u{2}\0\0\0\0\0\0\0\0"))
        #expect(refusal(parse, .frontend) == nil)
        #expect(refusal(parse, .frontend, limits: limits) == .tooManyParameters)
    }

    // MARK: 33, start-up

    private func startup(_ parameters: String, version: UInt32 = 0x3_0000) -> ByteBuffer { packet(code: version, wire(parameters)) }

    @Test func case33StartupMessages() {
        #expect(refusal(self.startup("user\0me\0\0"), .frontend) == nil)
        for (parameters, expected) in [
            ("user\0me\0", .missingTerminator), ("user\0me", .missingTerminator), ("user\0", .missingTerminator),
            ("user", .missingTerminator), ("\0", .missingParameter), ("database\0db\0\0", .missingParameter),
            ("user\0\0\0", .missingParameter), ("user\0me\0\0\0", .trailingBytes), ("user\0me\0\0a", .trailingBytes),
            ("user\0me\0user\0root\0\0", .duplicateParameter), ("user\0me\0options\0-c a\0options\0-c b\0\0", .duplicateParameter),
        ] as [(String, PostgresWireError.Code)] {
            #expect(refusal(self.startup(parameters), .frontend) == expected, "\(parameters.debugDescription)")
        }
    }

    @Test func case33Versions() throws {
        for (version, expected) in [
            (0x2_0000, .unsupportedVersion), (0x4_0000, .unsupportedVersion), (0, .unsupportedVersion), (0x1_0000, .unsupportedVersion),
            (1234 << 16 | 5677, .unsupportedVersion), (1234 << 16 | 5681, .unsupportedVersion), (0xFFFF_FFFF, .unsupportedVersion),
            (0x3_0000, nil), (0x3_0002, nil), (0x3_FFFF, nil),
        ] as [(UInt32, PostgresWireError.Code?)] {
            #expect(frontend(self.startup("user\0me\0\0", version: version)).code == expected)
        }
        let message = try PostgresFrontend.StartupMessage(frame(self.startup("user\0me\0\0", version: 0x3_0002), .frontend))
        #expect(message.version == .version32)
    }

    @Test func case33StartupPacketsAreSmall() {
        let long = String(repeating: "x", count: 10_000 - 20)
        #expect(refusal(self.startup("user\0me\0o\0\(long)\0\0"), .frontend) == nil)
        #expect(refusal(self.startup("user\0me\0o\0\(long)x\0\0"), .frontend) == .lengthTooLong)
        let many = (0..<64).map { "k\($0)\0v\0" }.joined()
        #expect(refusal(self.startup("user\0me\0" + many + "\0"), .frontend) == .tooManyOptions)
        // A message with a tag, or HTTP, is not waited for.
        for text in ["Q", "GET / HTTP/1.1", "\u{16}\u{3}\u{1}", "\u{1}"] { #expect(frontend(wire(text)).code == .lengthTooLong) }
    }

    @Test func case33RequestsOfTheWrongSize() {
        let (cancel, ssl, gss) = (UInt32(1234 << 16 | 5678), UInt32(1234 << 16 | 5679), UInt32(1234 << 16 | 5680))
        for count in [0, 4, 7] { #expect(frontend(packet(code: cancel, ByteBuffer(repeating: 1, count: count))).code == .lengthTooSmall) }
        #expect(frontend(packet(code: cancel, ByteBuffer(repeating: 1, count: 8))).code == nil)
        #expect(frontend(packet(code: cancel, ByteBuffer(repeating: 1, count: 4 + 256))).code == nil)
        #expect(frontend(packet(code: cancel, ByteBuffer(repeating: 1, count: 4 + 257))).code == .lengthTooLong)
        for code in [ssl, gss] { #expect(frontend(packet(code: code, ByteBuffer(repeating: 1, count: 1))).code == .lengthTooLong) }
        for length in [0, 4, 7] as [UInt32] { #expect(frontend(packet(length: length, code: ssl)).code == .lengthTooSmall) }
        #expect(frontend(packet(code: 0x3_0000)).code == .lengthTooSmall)
    }

    // MARK: 38, reports; 40, statuses

    @Test func case38ReportsOfAllKinds() throws {
        for (tag, isError) in [("E", true), ("N", false)] {
            for (payload, state, count) in [("\0", nil, 0), ("MX\0\0", nil, 1), ("C\0\0", nil, 1), ("C22012\0?x\0\0", "22012", 2)]
                as [(String, String?, Int)]
            {
                let frame = try frame(message(tag.utf8.first!, wire(payload)), .backend)
                let fields =
                    isError ? try PostgresBackend.ErrorResponse(frame).fields : try PostgresBackend.NoticeResponse(frame).fields
                #expect(fields.sqlState == state && Array(fields).count == count)
            }
            for (payload, expected) in [
                ("MX", .missingTerminator), ("MX\0", .missingTerminator), ("M", .missingTerminator), ("\0\0", .trailingBytes),
                ("MX\0\0Ca\0", .trailingBytes), (String(repeating: "Mx\0", count: 65) + "\0", .tooManyFields),
            ] as [(String, PostgresWireError.Code)] {
                #expect(refusal(message(tag.utf8.first!, wire(payload)), .backend) == expected, "\(payload.debugDescription)")
            }
        }
    }

    @Test func case40StatusesOfATransaction() {
        for byte in UInt8.min...UInt8.max {
            let isStatus = "ITE".utf8.contains(byte)
            #expect(refusal(message(UInt8(ascii: "Z"), ByteBuffer(bytes: [byte])), .backend) == (isStatus ? nil : .malformedMessage))
        }
    }

    @Test func listsOfMechanisms() {
        for (payload, expected) in [
            ("\0\0\0\u{A}\0", nil), ("\0\0\0\u{A}", .missingTerminator), ("\0\0\0\u{A}A\0", .missingTerminator),
            ("\0\0\0\u{A}A\0\0\0", .trailingBytes), ("\0\0\0\u{A}" + String(repeating: "A\0", count: 65) + "\0", .tooManyOptions),
        ] as [(String, PostgresWireError.Code?)] {
            #expect(refusal(message(UInt8(ascii: "R"), wire(payload)), .backend) == expected, "\(payload.debugDescription)")
        }
    }
}
