/// The messages that a server sends.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>.
public enum PostgresBackend {
    /// What a message of a server is, by its first byte. Requests for authentication share one.
    public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        /// `R`: AuthenticationOk and all that asks for something.
        case authentication = 0x52
        /// `K`.
        case backendKeyData = 0x4B
        /// `2`.
        case bindComplete = 0x32
        /// `3`.
        case closeComplete = 0x33
        /// `C`.
        case commandComplete = 0x43
        /// `G`.
        case copyInResponse = 0x47
        /// `H`.
        case copyOutResponse = 0x48
        /// `W`.
        case copyBothResponse = 0x57
        /// `d`.
        case copyData = 0x64
        /// `c`.
        case copyDone = 0x63
        /// `D`.
        case dataRow = 0x44
        /// `I`.
        case emptyQueryResponse = 0x49
        /// `E`.
        case errorResponse = 0x45
        /// `V`.
        case functionCallResponse = 0x56
        /// `v`.
        case negotiateProtocolVersion = 0x76
        /// `n`.
        case noData = 0x6E
        /// `N`.
        case noticeResponse = 0x4E
        /// `A`.
        case notificationResponse = 0x41
        /// `t`.
        case parameterDescription = 0x74
        /// `S`.
        case parameterStatus = 0x53
        /// `1`.
        case parseComplete = 0x31
        /// `s`.
        case portalSuspended = 0x73
        /// `Z`.
        case readyForQuery = 0x5A
        /// `T`.
        case rowDescription = 0x54

        /// What lengths it can have.
        var lengths: PostgresMessageLengths {
            switch self {
            case .authentication: return PostgresMessageLengths(8, .login)
            case .backendKeyData: return PostgresMessageLengths(12, .exactly(8 + BackendKeyData.maximumSecretKeyLength))
            case .bindComplete, .closeComplete, .copyDone, .emptyQueryResponse, .noData, .parseComplete, .portalSuspended:
                return .exactly(4)
            case .commandComplete: return PostgresMessageLengths(5, .control)
            case .copyInResponse, .copyOutResponse, .copyBothResponse: return PostgresMessageLengths(7, .exactly(7 + 2 * 65_535))
            case .copyData: return PostgresMessageLengths(4, .any)
            case .dataRow, .rowDescription: return PostgresMessageLengths(6, .any)
            case .errorResponse, .noticeResponse: return PostgresMessageLengths(5, .any)
            case .functionCallResponse: return PostgresMessageLengths(8, .any)
            case .negotiateProtocolVersion: return PostgresMessageLengths(12, .control)
            case .notificationResponse: return PostgresMessageLengths(10, .any)
            case .parameterDescription: return PostgresMessageLengths(6, .exactly(6 + 4 * 65_535))
            case .parameterStatus: return PostgresMessageLengths(6, .control)
            case .readyForQuery: return .exactly(5)
            }
        }
    }
}
