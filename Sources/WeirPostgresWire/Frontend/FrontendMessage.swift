public import NIOCore

extension PostgresFrontend {
    /// Any message that a client sends. Which of the answers to a request for authentication one is, only the request tells.
    public enum Message: PostgresMessage {
        /// ``Bind``.
        case bind(Bind)
        /// ``Close``.
        case close(Close)
        /// ``CopyData``.
        case copyData(CopyData)
        /// ``CopyDone``.
        case copyDone(CopyDone)
        /// ``CopyFail``.
        case copyFail(CopyFail)
        /// ``Describe``.
        case describe(Describe)
        /// ``Execute``.
        case execute(Execute)
        /// ``Flush``.
        case flush(Flush)
        /// ``FunctionCall``.
        case functionCall(FunctionCall)
        /// ``Parse``.
        case parse(Parse)
        /// ``AuthenticationResponse``.
        case authenticationResponse(AuthenticationResponse)
        /// ``Query``.
        case query(Query)
        /// ``Sync``.
        case sync(Sync)
        /// ``Terminate``.
        case terminate(Terminate)
        /// ``CancelRequest``.
        case cancelRequest(CancelRequest)
        /// ``GSSENCRequest``.
        case gssencRequest(GSSENCRequest)
        /// ``SSLRequest``.
        case sslRequest(SSLRequest)
        /// ``StartupMessage``.
        case startupMessage(StartupMessage)

        /// Reads a frame that a client sent, whatever it is.
        ///
        /// - Throws: ``PostgresWireError``; ``PostgresWireError/Code/unknownKind`` if it is none of these.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            guard let kind = frame.frontendKind else { throw PostgresWireError(.unknownKind, "a first byte that names no message") }
            switch kind {
            case .startupPacket: self = try Message(startupPacket: frame, limits: limits)
            case .bind: self = .bind(try Bind(frame, limits: limits))
            case .close: self = .close(try Close(frame, limits: limits))
            case .copyData: self = .copyData(try CopyData(frame, limits: limits))
            case .copyDone: self = .copyDone(try CopyDone(frame, limits: limits))
            case .copyFail: self = .copyFail(try CopyFail(frame, limits: limits))
            case .describe: self = .describe(try Describe(frame, limits: limits))
            case .execute: self = .execute(try Execute(frame, limits: limits))
            case .flush: self = .flush(try Flush(frame, limits: limits))
            case .functionCall: self = .functionCall(try FunctionCall(frame, limits: limits))
            case .parse: self = .parse(try Parse(frame, limits: limits))
            case .authenticationResponse: self = .authenticationResponse(try AuthenticationResponse(frame, limits: limits))
            case .query: self = .query(try Query(frame, limits: limits))
            case .sync: self = .sync(try Sync(frame, limits: limits))
            case .terminate: self = .terminate(try Terminate(frame, limits: limits))
            }
        }

        private init(startupPacket frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.startupPacket)
            switch try reader.integer(UInt32.self) {
            case PostgresRequestCode.cancel: self = .cancelRequest(try CancelRequest(frame, limits: limits))
            case PostgresRequestCode.ssl: self = .sslRequest(try SSLRequest(frame, limits: limits))
            case PostgresRequestCode.gss: self = .gssencRequest(try GSSENCRequest(frame, limits: limits))
            default: self = .startupMessage(try StartupMessage(frame, limits: limits))
            }
        }

        /// What the message that it is says of itself.
        public var description: String { Mirror(reflecting: self).children.first.map { "\($0.value)" } ?? "Message" }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            switch self {
            case .bind(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .close(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .copyData(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .copyDone(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .copyFail(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .describe(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .execute(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .flush(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .functionCall(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .parse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .authenticationResponse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .query(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .sync(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .terminate(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .cancelRequest(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .gssencRequest(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .sslRequest(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .startupMessage(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            }
        }
    }
}
