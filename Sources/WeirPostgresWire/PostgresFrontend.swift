/// The messages that a client sends.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>.
public enum PostgresFrontend {
    /// What a message of a client is, by its first byte. Answers to requests for authentication share one; start-up packets have none.
    public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        /// No tag: the first byte is that of a length under 2^24. StartupMessage, SSLRequest, GSSENCRequest, CancelRequest.
        case startupPacket = 0
        /// `B`.
        case bind = 0x42
        /// `C`.
        case close = 0x43
        /// `d`.
        case copyData = 0x64
        /// `c`.
        case copyDone = 0x63
        /// `f`.
        case copyFail = 0x66
        /// `D`.
        case describe = 0x44
        /// `E`.
        case execute = 0x45
        /// `H`.
        case flush = 0x48
        /// `F`.
        case functionCall = 0x46
        /// `P`.
        case parse = 0x50
        /// `p`: PasswordMessage, SASLInitialResponse, SASLResponse, GSSResponse.
        case authenticationResponse = 0x70
        /// `Q`.
        case query = 0x51
        /// `S`.
        case sync = 0x53
        /// `X`.
        case terminate = 0x58

        /// What lengths it can have.
        var lengths: PostgresMessageLengths {
            switch self {
            case .startupPacket: return PostgresMessageLengths(8, .login)
            case .bind: return PostgresMessageLengths(12, .any)
            case .close, .describe: return PostgresMessageLengths(6, .control)
            case .copyData: return PostgresMessageLengths(4, .any)
            case .copyDone, .flush, .sync, .terminate: return .exactly(4)
            case .copyFail: return PostgresMessageLengths(5, .control)
            case .execute: return PostgresMessageLengths(9, .control)
            case .functionCall: return PostgresMessageLengths(14, .any)
            case .parse: return PostgresMessageLengths(8, .any)
            case .authenticationResponse: return PostgresMessageLengths(4, .login)
            case .query: return PostgresMessageLengths(5, .any)
            }
        }
    }
}
