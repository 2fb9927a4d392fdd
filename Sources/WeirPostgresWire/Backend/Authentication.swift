public import NIOCore

extension PostgresBackend {
    /// What the messages that share the tag `R` have in common: a number says which it is.
    enum AuthenticationCode {
        static var ok: Int32 { 0 }
        static var kerberosV5: Int32 { 2 }
        static var cleartextPassword: Int32 { 3 }
        static var md5Password: Int32 { 5 }
        static var gss: Int32 { 7 }
        static var gssContinue: Int32 { 8 }
        static var sspi: Int32 { 9 }
        static var sasl: Int32 { 10 }
        static var saslContinue: Int32 { 11 }
        static var saslFinal: Int32 { 12 }
    }
}

/// A request for authentication that says nothing but which it is.
public protocol PostgresEmptyAuthentication: PostgresMessage {
    /// The number that says so.
    static var code: Int32 { get }
    /// The message: there is only one.
    init()
}

extension PostgresEmptyAuthentication {
    /// Reads the message.
    public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
        let reader = try PostgresReader(frame, authentication: Self.code)
        try reader.end()
        self.init()
    }

    /// Appends the message.
    public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
        try buffer.writePostgresAuthentication(Self.code, maximumLength: maximumLength) { _ in }
    }
}

extension PostgresReader {
    /// - Throws: ``PostgresWireError/Code/unexpectedKind`` if the frame is another message, or a request for something else.
    init(_ frame: PostgresFrame, authentication code: Int32) throws(PostgresWireError) {
        try self.init(frame, PostgresBackend.Kind.authentication)
        guard try self.integer(Int32.self) == code else {
            throw PostgresWireError(.unexpectedKind, "a request for another kind of authentication")
        }
    }
}

extension ByteBuffer {
    mutating func writePostgresAuthentication(
        _ code: Int32, maximumLength: Int, _ body: (inout PostgresMessageWriter) throws(PostgresWireError) -> Void
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresBackend.Kind.authentication.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.integer(code)
            try body(&message)
        }
    }
}
