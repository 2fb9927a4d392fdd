import NIOCore
import WeirPostgresWire

/// Every message of both directions, with the bytes that it has on the wire, written by hand from the protocol's documentation.
enum Corpus {
    typealias Backend = (message: PostgresBackend.Message, wire: ByteBuffer)
    typealias Frontend = (message: PostgresFrontend.Message, wire: ByteBuffer)

    private static func text(_ string: String) -> ByteBuffer { ByteBuffer(string: string) }

    /// What comes before the first ReadyForQuery, and it.
    static let login: [Backend] = [
        (.authenticationOk(.init()), wire("R\0\0\0\u{8}\0\0\0\0")),
        (.authenticationKerberosV5(.init()), wire("R\0\0\0\u{8}\0\0\0\u{2}")),
        (.authenticationCleartextPassword(.init()), wire("R\0\0\0\u{8}\0\0\0\u{3}")),
        (.authenticationMD5Password(.init(salt: 0x0102_03FF)), wire("R\0\0\0\u{C}\0\0\0\u{5}\u{1}\u{2}\u{3}\u{FF}")),
        (.authenticationGSS(.init()), wire("R\0\0\0\u{8}\0\0\0\u{7}")),
        (.authenticationGSSContinue(.init(data: text("ab"))), wire("R\0\0\0\u{A}\0\0\0\u{8}ab")),
        (.authenticationSSPI(.init()), wire("R\0\0\0\u{8}\0\0\0\u{9}")),
        (
            .authenticationSASL(.init(mechanisms: ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])),
            wire("R\0\0\0\u{2A}\0\0\0\u{A}SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
        ),
        (.authenticationSASLContinue(.init(data: text("r=x"))), wire("R\0\0\0\u{B}\0\0\0\u{B}r=x")),
        (.authenticationSASLFinal(.init(data: text("v=y"))), wire("R\0\0\0\u{B}\0\0\0\u{C}v=y")),
        (.backendKeyData(.init(processID: 258, secretKey: text("wxyz"))), wire("K\0\0\0\u{C}\0\0\u{1}\u{2}wxyz")),
        (.backendKeyData(.init(processID: -1, secretKey: text("0123456789"))), wire("K\0\0\0\u{12}\u{FF}\u{FF}\u{FF}\u{FF}0123456789")),
        (
            .negotiateProtocolVersion(.init(newestMinorVersion: 0, unrecognizedOptions: ["_pq_.a", "_pq_.b"])),
            wire("v\0\0\0\u{1A}\0\0\0\0\0\0\0\u{2}_pq_.a\0_pq_.b\0")
        ),
        (.parameterStatus(.init(name: "TimeZone", value: "UTC")), wire("S\0\0\0\u{11}TimeZone\0UTC\0")),
        (.readyForQuery(.init(status: .idle)), wire("Z\0\0\0\u{5}I")),
    ]

    /// What comes later.
    static let session: [Backend] = [
        (.readyForQuery(.init(status: .inTransaction)), wire("Z\0\0\0\u{5}T")),
        (.readyForQuery(.init(status: .inFailedTransaction)), wire("Z\0\0\0\u{5}E")),
        (.bindComplete(.init()), wire("2\0\0\0\u{4}")),
        (.closeComplete(.init()), wire("3\0\0\0\u{4}")),
        (.commandComplete(.init(tag: "INSERT 0 1")), wire("C\0\0\0\u{F}INSERT 0 1\0")),
        (.copyInResponse(.init(format: .text, columnFormats: [])), wire("G\0\0\0\u{7}\0\0\0")),
        (.copyOutResponse(.init(format: .binary, columnFormats: [.binary, .text])), wire("H\0\0\0\u{B}\u{1}\0\u{2}\0\u{1}\0\0")),
        (.copyBothResponse(.init(format: .text, columnFormats: [.text])), wire("W\0\0\0\u{9}\0\0\u{1}\0\0")),
        (.copyData(.init(data: text("1\ta\n"))), wire("d\0\0\0\u{8}1\ta\n")),
        (.copyData(.init(data: ByteBuffer())), wire("d\0\0\0\u{4}")),
        (.copyDone(.init()), wire("c\0\0\0\u{4}")),
        (.dataRow(.init(values: try! PostgresValues([]))), wire("D\0\0\0\u{6}\0\0")),
        (
            .dataRow(.init(values: try! PostgresValues([text("abc"), nil, text("")]))),
            wire("D\0\0\0\u{15}\0\u{3}\0\0\0\u{3}abc\u{FF}\u{FF}\u{FF}\u{FF}\0\0\0\0")
        ),
        (.emptyQueryResponse(.init()), wire("I\0\0\0\u{4}")),
        (
            .errorResponse(.init(fields: [.init(.severity, "ERROR"), .init(.sqlState, "22012"), .init(.message, "no")])),
            wire("E\0\0\0\u{17}SERROR\0C22012\0Mno\0\0")
        ),
        (.errorResponse(.init(fields: [])), wire("E\0\0\0\u{5}\0")),
        (.functionCallResponse(.init(result: text("xy"))), wire("V\0\0\0\u{A}\0\0\0\u{2}xy")),
        (.functionCallResponse(.init(result: nil)), wire("V\0\0\0\u{8}\u{FF}\u{FF}\u{FF}\u{FF}")),
        (.noData(.init()), wire("n\0\0\0\u{4}")),
        (.noticeResponse(.init(fields: [.init(.init(rawValue: 0x7A), "")])), wire("N\0\0\0\u{7}z\0\0")),
        (
            .notificationResponse(.init(processID: 1, channel: "ch", payload: "")),
            wire("A\0\0\0\u{C}\0\0\0\u{1}ch\0\0")
        ),
        (
            .parameterDescription(.init(types: [PostgresType(rawValue: 23), PostgresType(rawValue: 0xFFFF_FFFF)])),
            wire("t\0\0\0\u{E}\0\u{2}\0\0\0\u{17}\u{FF}\u{FF}\u{FF}\u{FF}")
        ),
        (.parseComplete(.init()), wire("1\0\0\0\u{4}")),
        (.portalSuspended(.init()), wire("s\0\0\0\u{4}")),
        (
            .rowDescription(
                try! .init([
                    PostgresColumn(
                        name: "id", table: 0x4001, attribute: 2, type: PostgresType(rawValue: 23), typeSize: 4, typeModifier: -1,
                        format: .binary), PostgresColumn(name: "", type: PostgresType(rawValue: 25)),
                ])),
            wire(
                "T\0\0\0\u{2E}\0\u{2}id\0\0\0\u{40}\u{1}\0\u{2}\0\0\0\u{17}\0\u{4}\u{FF}\u{FF}\u{FF}\u{FF}\0\u{1}"
                    + "\0\0\0\0\0\0\0\0\0\0\u{19}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\0\0")
        ),
    ]

    /// What a server answers to a request for encryption: one byte.
    static let encryptionResponses: [Backend] = [
        (.encryptionResponse(.ssl), wire("S")), (.encryptionResponse(.gss), wire("G")), (.encryptionResponse(.refused), wire("N")),
    ]

    static var backend: [Backend] { self.login + self.session }

    /// What has no tag.
    static let startup: [Frontend] = [
        (.sslRequest(.init()), wire("\0\0\0\u{8}\u{4}\u{D2}\u{16}\u{2F}")),
        (.gssencRequest(.init()), wire("\0\0\0\u{8}\u{4}\u{D2}\u{16}\u{30}")),
        (.cancelRequest(.init(processID: 258, secretKey: text("wxyz"))), wire("\0\0\0\u{10}\u{4}\u{D2}\u{16}\u{2E}\0\0\u{1}\u{2}wxyz")),
        (.startupMessage(.init(parameters: ["user": "me"])), wire("\0\0\0\u{11}\0\u{3}\0\0user\0me\0\0")),
        (
            .startupMessage(.init(version: .version32, parameters: ["user": "me", "database": "db", "options": "", "_pq_.x": "1"])),
            wire("\0\0\0\u{2F}\0\u{3}\0\u{2}user\0me\0database\0db\0options\0\0_pq_.x\01\0\0")
        ),
    ]

    /// What has one.
    static let frontend: [Frontend] = [
        (
            .bind(
                .init(
                    portal: "p", statement: "s", parameterFormats: [.text, .binary], parameters: try! PostgresValues([text("1"), nil]),
                    resultFormats: [.binary])),
            wire("B\0\0\0\u{1D}p\0s\0\0\u{2}\0\0\0\u{1}\0\u{2}\0\0\0\u{1}1\u{FF}\u{FF}\u{FF}\u{FF}\0\u{1}\0\u{1}")
        ),
        (.bind(.init(parameters: try! PostgresValues([]))), wire("B\0\0\0\u{C}\0\0\0\0\0\0\0\0")),
        (.close(.init(target: .statement("s"))), wire("C\0\0\0\u{7}Ss\0")),
        (.close(.init(target: .portal(""))), wire("C\0\0\0\u{6}P\0")),
        (.copyData(.init(data: text("\0"))), wire("d\0\0\0\u{5}\0")),
        (.copyDone(.init()), wire("c\0\0\0\u{4}")),
        (.copyFail(.init(reason: "why")), wire("f\0\0\0\u{8}why\0")),
        (.describe(.init(target: .statement(""))), wire("D\0\0\0\u{6}S\0")),
        (.describe(.init(target: .portal("p"))), wire("D\0\0\0\u{7}Pp\0")),
        (.execute(.init()), wire("E\0\0\0\u{9}\0\0\0\0\0")),
        (.execute(.init(portal: "p", maximumRows: 500)), wire("E\0\0\0\u{A}p\0\0\0\u{1}\u{F4}")),
        (.flush(.init()), wire("H\0\0\0\u{4}")),
        (
            .functionCall(
                .init(function: 1299, argumentFormats: [.binary], arguments: try! PostgresValues([nil, text("ab")]), resultFormat: .binary)),
            wire("F\0\0\0\u{1A}\0\0\u{5}\u{13}\0\u{1}\0\u{1}\0\u{2}\u{FF}\u{FF}\u{FF}\u{FF}\0\0\0\u{2}ab\0\u{1}")
        ),
        (
            .parse(.init(statement: "s", query: "select $1", parameterTypes: [PostgresType(rawValue: 23), .unspecified])),
            wire("P\0\0\0\u{1A}s\0select $1\0\0\u{2}\0\0\0\u{17}\0\0\0\0")
        ),
        (.authenticationResponse(.init(data: text("secret\0"))), wire("p\0\0\0\u{B}secret\0")),
        (.authenticationResponse(.init(data: ByteBuffer())), wire("p\0\0\0\u{4}")),
        (.query(.init(query: "")), wire("Q\0\0\0\u{5}\0")),
        (.query(.init(query: "select 1")), wire("Q\0\0\0\u{D}select 1\0")),
        (.sync(.init()), wire("S\0\0\0\u{4}")),
        (.terminate(.init()), wire("X\0\0\0\u{4}")),
    ]

    static func joined(_ wires: [ByteBuffer]) -> ByteBuffer { wires.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) } }
}
