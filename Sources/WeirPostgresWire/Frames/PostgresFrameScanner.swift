/// Finds the next message of a stream: its kind and its length, from its first bytes, checked by who sends it, by kind and by the limits.
///
/// It holds no bytes. A client or a server that wants whole messages calls ``next(_:at:)``; a proxy that passes a large message on piece by
/// piece calls ``peek(_:at:)`` as soon as there are a few bytes, and ``take(_:)`` once it has decided to pass it on. What comes before the
/// tagged messages is a phase of the scanner: start-up packets of a client, a server's byte of answer to a request for encryption; and until
/// the login is complete messages are small.
///
/// A value type of one connection and direction. After an error it is of no more use, as the stream has lost its frame.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>,
/// <https://www.postgresql.org/docs/15/protocol-flow.html#id-1.10.6.7.12>.
public struct PostgresFrameScanner: Sendable {
    /// How far the connection is, as far as it says how messages look.
    public enum Phase: Hashable, Sendable {
        /// Of a client: packets without a tag, until a StartupMessage or a CancelRequest. Next: ``login``, ``ended``.
        case startup
        /// Of a server: one byte answers the request. Next: ``login``, ``ended`` if it is an error.
        case encryptionResponse(PostgresEncryption)
        /// Messages are small. Next: ``session``, of a server at its first ReadyForQuery, of a client by ``completeLogin()``.
        case login
        /// Messages may be as long as the limits allow. The last but ``ended``.
        case session
        /// Nothing may come any more.
        case ended
    }

    /// Whose bytes it reads.
    public let sender: PostgresSender
    /// What messages may be at most.
    public let limits: PostgresWireLimits
    /// How far the connection is.
    public private(set) var phase: Phase
    @usableFromInline var isInSession: Bool
    private var wasAskedForSSL = false
    private var wasAskedForGSS = false

    /// A scanner of what this side sends.
    ///
    /// - Parameters:
    ///   - sender: whose bytes they are.
    ///   - phase: where to begin; if it is not given, a frontend begins with ``Phase/startup`` and a backend with ``Phase/login``. A client
    ///     that asked for encryption begins with ``Phase/encryptionResponse(_:)``.
    ///   - limits: what messages may be at most.
    /// - Precondition: the phase is one of the sender's.
    public init(from sender: PostgresSender, phase: Phase? = nil, limits: PostgresWireLimits = PostgresWireLimits()) {
        switch phase {
        case .startup: precondition(sender == .frontend, "only a frontend begins with start-up packets")
        case .encryptionResponse: precondition(sender == .backend, "only a backend answers a request for encryption")
        case nil, .login, .session, .ended: break
        }
        self.sender = sender
        self.limits = limits
        self.phase = phase ?? (sender == .frontend ? .startup : .login)
        self.isInSession = self.phase == .session
    }

    /// The next message if all of it is there, and counts it as taken; nil if it is not whole yet.
    ///
    /// - Parameters:
    ///   - bytes: what there is.
    ///   - offset: where the message begins in it; at most `bytes.count`.
    /// - Throws: ``PostgresWireError``.
    /// - Complexity: O(1).
    @inlinable
    public mutating func next(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(PostgresWireError) -> PostgresFrameHeader? {
        guard let header = try self.peek(bytes, at: offset), header.length <= bytes.count - offset else { return nil }
        if !self.isInSession { self.take(header) }
        return header
    }

    /// What the next message is, from its first bytes, whether the rest is there or not; nil if there are too few of them.
    ///
    /// - Parameters:
    ///   - bytes: what there is.
    ///   - offset: where the message begins in it; at most `bytes.count`.
    /// - Throws: ``PostgresWireError``.
    /// - Complexity: O(1).
    @inlinable
    public func peek(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(PostgresWireError) -> PostgresFrameHeader? {
        precondition(offset >= 0 && offset <= bytes.count, "an offset outside of the bytes")
        guard self.isInSession, bytes.count - offset >= 5 else { return try self.peekSlowly(bytes, at: offset) }
        let tag = bytes[offset]
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 1, as: UInt32.self)))
        // What most messages are by far.
        if self.sender == .backend {
            let isWell =
                switch tag {
                case PostgresBackend.Kind.dataRow.rawValue: length >= 6 && length <= self.limits.maximumMessageLength
                case PostgresBackend.Kind.bindComplete.rawValue: length == 4
                case PostgresBackend.Kind.readyForQuery.rawValue: length == 5
                default: false
                }
            if isWell { return PostgresFrameHeader(tag: tag, length: length &+ 1) }
        }
        try self.check(tag, length, maximum: self.limits.maximumMessageLength)
        return PostgresFrameHeader(tag: tag, length: length &+ 1)
    }

    /// Counts a message as taken that ``peek(_:at:)`` has found, so that it knows what may come next.
    public mutating func take(_ header: PostgresFrameHeader) {
        switch self.phase {
        case .startup:
            switch header.requestCode {
            case PostgresRequestCode.ssl: self.wasAskedForSSL = true
            case PostgresRequestCode.gss: self.wasAskedForGSS = true
            case PostgresRequestCode.cancel: self.phase = .ended
            default: self.phase = .login
            }
        case .encryptionResponse:
            self.phase = header.length == 1 ? .login : .ended
        case .login:
            if self.sender == .backend, header.tag == PostgresBackend.Kind.readyForQuery.rawValue { self.completeLogin() }
        case .session, .ended:
            break
        }
    }

    /// The client has proved who it is: its messages may be as long as the limits allow from now on.
    ///
    /// Nothing happens but in ``Phase/login``. Of a server, the scanner sees it by itself.
    public mutating func completeLogin() {
        guard self.phase == .login else { return }
        self.phase = .session
        self.isInSession = true
    }

    // MARK: Checks

    @inline(never)
    @usableFromInline
    func peekSlowly(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(PostgresWireError) -> PostgresFrameHeader? {
        let available = bytes.count - offset
        guard available > 0 else { return nil }
        switch self.phase {
        case .startup:
            return try self.startupPacket(bytes, at: offset)
        case .encryptionResponse(let encryption):
            if bytes[offset] != PostgresBackend.Kind.errorResponse.rawValue {
                return try self.encryptionResponse(encryption, bytes[offset], isLast: available == 1)
            }
            return try self.message(bytes, at: offset, maximum: self.limits.maximumLoginMessageLength)
        case .login:
            return try self.message(bytes, at: offset, maximum: self.limits.maximumLoginMessageLength)
        case .session:
            return try self.message(bytes, at: offset, maximum: self.limits.maximumMessageLength)
        case .ended:
            throw PostgresWireError(.unexpectedBytes, "bytes follow the last message that may come")
        }
    }

    private func message(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, maximum: Int
    ) throws(PostgresWireError) -> PostgresFrameHeader? {
        let tag = bytes[offset]
        guard bytes.count - offset >= 5 else {
            // What is no message at all is not waited for.
            _ = try self.lengths(tag)
            return nil
        }
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 1, as: UInt32.self)))
        try self.check(tag, length, maximum: min(maximum, self.limits.maximumMessageLength))
        return PostgresFrameHeader(tag: tag, length: length + 1)
    }

    @usableFromInline
    func check(_ tag: UInt8, _ length: Int, maximum: Int) throws(PostgresWireError) {
        let lengths = try self.lengths(tag)
        guard length <= Int(Int32.max) else { throw PostgresWireError(.negativeLength, "the length of a message is negative") }
        guard length >= lengths.minimum else { throw PostgresWireError(.lengthTooSmall, "a message is shorter than its kind can be") }
        guard length <= min(lengths.maximum(self.limits), maximum) else {
            throw PostgresWireError(.lengthTooLong, "a message is longer than its kind or the limits allow")
        }
    }

    private func lengths(_ tag: UInt8) throws(PostgresWireError) -> PostgresMessageLengths {
        switch self.sender {
        case .backend: if let kind = PostgresBackend.Kind(rawValue: tag) { return kind.lengths }
        case .frontend: if let kind = PostgresFrontend.Kind(rawValue: tag), kind != .startupPacket { return kind.lengths }
        }
        throw PostgresWireError(.unknownKind, "a first byte that names no message")
    }

    // MARK: Before there are tags

    private func startupPacket(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(PostgresWireError) -> PostgresFrameHeader? {
        let available = bytes.count - offset
        // The limit is under 2^24: what is not, as the tag of a message, is not waited for.
        guard bytes[offset] == 0 else {
            throw PostgresWireError(bytes[offset] < 0x80 ? .lengthTooLong : .negativeLength, "a start-up packet is longer than the limit")
        }
        guard available >= 4 else { return nil }
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        guard length >= 8 else { throw PostgresWireError(.lengthTooSmall, "a start-up packet is shorter than it can be") }
        guard length <= self.limits.maximumStartupLength else {
            throw PostgresWireError(.lengthTooLong, "a start-up packet is longer than the limit")
        }
        guard available >= 8 else { return nil }
        let code = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
        try self.checkRequest(code, length)
        if code == PostgresRequestCode.ssl || code == PostgresRequestCode.gss, available > length {
            throw PostgresWireError(.unexpectedBytes, "bytes follow a request for encryption that was not answered")
        }
        return PostgresFrameHeader(tag: 0, requestCode: code, length: length)
    }

    private func checkRequest(_ code: UInt32, _ length: Int) throws(PostgresWireError) {
        switch code {
        case PostgresRequestCode.ssl, PostgresRequestCode.gss:
            guard length == 8 else { throw PostgresWireError(.lengthTooLong, "a request for encryption of another length than 8") }
            guard !(code == PostgresRequestCode.ssl ? self.wasAskedForSSL : self.wasAskedForGSS) else {
                throw PostgresWireError(.unexpectedKind, "the same encryption was asked for twice")
            }
        case PostgresRequestCode.cancel:
            guard length >= 16 else { throw PostgresWireError(.lengthTooSmall, "a CancelRequest is shorter than it can be") }
            guard length <= 12 + PostgresBackend.BackendKeyData.maximumSecretKeyLength else {
                throw PostgresWireError(.lengthTooLong, "a CancelRequest is longer than it can be")
            }
        default:
            guard code >> 16 == 3 else { throw PostgresWireError(.unsupportedVersion, "a version of the protocol other than 3") }
            guard length >= 9 else { throw PostgresWireError(.lengthTooSmall, "a StartupMessage is shorter than it can be") }
        }
    }

    private func encryptionResponse(
        _ encryption: PostgresEncryption, _ byte: UInt8, isLast: Bool
    ) throws(PostgresWireError) -> PostgresFrameHeader {
        guard byte == UInt8(ascii: encryption == .ssl ? "S" : "G") || byte == UInt8(ascii: "N") else {
            throw PostgresWireError(.unknownKind, "a request for encryption was answered by something else")
        }
        guard isLast else { throw PostgresWireError(.unexpectedBytes, "bytes follow the answer to a request for encryption") }
        return PostgresFrameHeader(tag: byte, length: 1)
    }
}
