/// What kind of error it is, by five digits or upper-case letters, the first two of which are the class.
///
/// Source: <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
public struct PostgresSQLState: Hashable, Sendable, CustomStringConvertible {
    private let bits: UInt64

    /// Nil for what is not five digits or upper-case letters.
    public init?(_ text: String) {
        var bits: UInt64 = 0
        var count = 0
        for byte in text.utf8 {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) else {
                return nil
            }
            bits = bits << 8 | UInt64(byte)
            count += 1
            guard count <= 5 else { return nil }
        }
        guard count == 5 else { return nil }
        self.bits = bits
    }

    private init(known text: StaticString) {
        precondition(text.utf8CodeUnitCount == 5, "a SQLSTATE has five characters")
        self.bits = (0..<5).reduce(0) { $0 << 8 | UInt64(text.utf8Start[$1]) }
    }

    public var description: String {
        String(decoding: stride(from: 32, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self.bits >> UInt64($0)) }, as: UTF8.self)
    }

    /// The first two characters: `23` for all violations of constraints.
    public var sqlClass: String { String(self.description.prefix(2)) }

    public static let uniqueViolation = PostgresSQLState(known: "23505")
    public static let foreignKeyViolation = PostgresSQLState(known: "23503")
    public static let notNullViolation = PostgresSQLState(known: "23502")
    public static let checkViolation = PostgresSQLState(known: "23514")
    public static let exclusionViolation = PostgresSQLState(known: "23P01")
    public static let undefinedTable = PostgresSQLState(known: "42P01")
    public static let undefinedColumn = PostgresSQLState(known: "42703")
    public static let undefinedFunction = PostgresSQLState(known: "42883")
    public static let duplicateTable = PostgresSQLState(known: "42P07")
    public static let syntaxError = PostgresSQLState(known: "42601")
    public static let insufficientPrivilege = PostgresSQLState(known: "42501")
    public static let divisionByZero = PostgresSQLState(known: "22012")
    public static let serializationFailure = PostgresSQLState(known: "40001")
    public static let deadlockDetected = PostgresSQLState(known: "40P01")
    public static let lockNotAvailable = PostgresSQLState(known: "55P03")
    public static let featureNotSupported = PostgresSQLState(known: "0A000")
    public static let invalidStatementName = PostgresSQLState(known: "26000")
    public static let duplicateStatement = PostgresSQLState(known: "42P05")
    public static let inFailedTransaction = PostgresSQLState(known: "25P02")
    public static let readOnlyTransaction = PostgresSQLState(known: "25006")
    public static let idleInTransactionTimeout = PostgresSQLState(known: "25P03")
    public static let invalidPassword = PostgresSQLState(known: "28P01")
    public static let invalidAuthorization = PostgresSQLState(known: "28000")
    public static let invalidCatalogName = PostgresSQLState(known: "3D000")
    public static let tooManyConnections = PostgresSQLState(known: "53300")
    public static let queryCanceled = PostgresSQLState(known: "57014")
    public static let adminShutdown = PostgresSQLState(known: "57P01")
    public static let crashShutdown = PostgresSQLState(known: "57P02")
    public static let cannotConnectNow = PostgresSQLState(known: "57P03")

    /// Whether a transaction that failed with it may succeed when it is run again: a serialization failure or a deadlock.
    public var invitesRetry: Bool { self == .serializationFailure || self == .deadlockDetected }
}
