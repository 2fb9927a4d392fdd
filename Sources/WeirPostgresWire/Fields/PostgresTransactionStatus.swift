/// Where a session stands between commands, as ReadyForQuery says.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, ReadyForQuery.
public enum PostgresTransactionStatus: UInt8, Hashable, Sendable, CaseIterable {
    /// `I`: in no transaction.
    case idle = 0x49
    /// `T`: in a transaction.
    case inTransaction = 0x54
    /// `E`: in a transaction that has failed: everything is refused until it ends.
    case inFailedTransaction = 0x45
}
