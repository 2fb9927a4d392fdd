/// What a proxy in transaction mode does with each thing that a client may leave behind in a session: the one place where that is said.
///
/// What is not named here leaves nothing behind. What functions do inside is not seen: a function that takes an advisory lock for the session
/// or makes a temporary table leaves it to whoever comes next; so does `DO`.
public enum PostgresProxyTable {
    /// What is done with it.
    public enum Treatment: String, Hashable, Sendable, CaseIterable {
        /// The proxy knows it of each client, and brings it about on the server connection before the client's transaction.
        case tracked
        /// Ends with the transaction, by itself.
        case local
        /// The server connection stays with the client until it leaves or says DISCARD ALL, and is reset before anyone else gets it.
        case pinned
        /// Answered with an error.
        case refused
    }

    /// A row of the table.
    public struct Row: Sendable {
        /// As it is written in SQL, or what it is.
        public let what: String
        public let treatment: Treatment
        public let reason: String
    }

    /// Settings that are known of each client. The server tells those that it reports whenever they change; it is asked for the others when
    /// a client has set one.
    public static let settings: [String] = Self.reported + Self.unreported
    static let reported = [
        "application_name", "client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings", "IntervalStyle",
    ]
    static let unreported = ["search_path", "extra_float_digits"]
    private static let places: [String: Int] = Dictionary(
        uniqueKeysWithValues: settings.enumerated().map { ($1.lowercased(), $0) })

    /// The place of a setting among ``settings``, in any case.
    static func place(_ name: String) -> Int? { self.places[name] ?? self.places[name.lowercased()] }
    static func tracks(_ name: String) -> Bool { self.place(name) != nil }

    private static func row(_ what: String, _ treatment: Treatment, _ reason: String) -> Row {
        Row(what: what, treatment: treatment, reason: reason)
    }

    public static let rows: [Row] =
        Self.settings.map { row("SET \($0)", .tracked, "restored before the client's next transaction") } + [
            row("prepared statements", .tracked, "each server connection has them under names of the proxy's"),
            row("DEALLOCATE", .tracked, "of a statement that the protocol has prepared"),
            row("SET LOCAL", .local, "the transaction's own"),
            row("SET TRANSACTION", .local, "the transaction's own"),
            row("SET CONSTRAINTS", .local, "the transaction's own"),
            row("pg_advisory_xact_lock", .local, "the transaction's own"),
            row("DECLARE CURSOR", .local, "without HOLD; the transaction's own"),
            row("SET", .pinned, "of anything else, ROLE and SESSION AUTHORIZATION among it"),
            row("RESET", .pinned, "as SET"),
            row("set_config", .pinned, "it is not seen what it sets"),
            row("LISTEN", .pinned, "notifications come to the connection"),
            row("PREPARE", .pinned, "names in SQL are the connection's"),
            row("DECLARE CURSOR WITH HOLD", .pinned, "belongs to the connection"),
            row("CREATE TEMP TABLE", .pinned, "and every other way to make something temporary"),
            row("pg_advisory_lock", .pinned, "belongs to the connection"),
            row("LOAD", .pinned, "a library cannot be unloaded"),
            row("replication", .refused, "a connection of its own kind"),
            row("other settings at start-up", .refused, "unless they are to be ignored"),
        ]

    /// Why a server connection stays with a client.
    struct Pins: OptionSet {
        let rawValue: UInt8
        static let sessionMode = Pins(rawValue: 1)
        static let settings = Pins(rawValue: 2)
        static let session = Pins(rawValue: 4)
        /// Not undone by DISCARD ALL.
        static let library = Pins(rawValue: 8)
        /// A statement of the client's own name is on it.
        static let statement = Pins(rawValue: 16)
    }
}
