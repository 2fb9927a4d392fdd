import NIOCore

/// The tracked settings of a client or of a server connection, in the order of ``PostgresProxyTable/settings``. Never changes, so that equal
/// ones are mostly the same object.
final class PostgresProxySettings {
    /// Nil for what the server begins a session with.
    let values: [String?]

    init(_ values: [String?]) { self.values = values }

    /// Those that the server has told, as they are.
    convenience init(reported parameters: [String: String]) {
        self.init(PostgresProxyTable.settings.map { parameters[$0] })
    }

    /// Of a session whose transaction was rolled back: what is not reported may be anything, and is set anew for whoever comes.
    static func unknown(_ connection: PostgresConnection) -> PostgresProxySettings {
        PostgresProxySettings(PostgresProxyTable.settings.map { connection.parameters[$0] ?? "\u{1}" })
    }

    func with(_ place: Int, _ value: String?) -> PostgresProxySettings {
        var values = self.values
        values[place] = value
        return PostgresProxySettings(values)
    }

    func equals(_ other: PostgresProxySettings) -> Bool { self === other || self.values == other.values }

    /// What makes a session's settings these.
    static func restoring(_ wanted: PostgresProxySettings, from present: PostgresProxySettings) -> String {
        var resets = ""
        var sets: [String] = []
        for (place, name) in PostgresProxyTable.settings.enumerated() where wanted.values[place] != present.values[place] {
            if let value = wanted.values[place] {
                sets.append("pg_catalog.set_config('\(name)', \(self.quoted(value)), false)")
            } else {
                resets += "reset \(name); "
            }
        }
        return resets + (sets.isEmpty ? "" : "select \(sets.joined(separator: ", "))")
    }

    /// What tells the settings that the server does not report.
    static let asking =
        "select " + PostgresProxyTable.unreported.map { "pg_catalog.current_setting('\($0)')" }.joined(separator: ", ")

    /// As a literal, whatever `standard_conforming_strings` is.
    private static func quoted(_ value: String) -> String {
        let doubled = value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        guard doubled.utf8.contains(UInt8(ascii: "\\")) else { return "'\(doubled)'" }
        return "E'" + doubled.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\\\") + "'"
    }

    /// Whether a value may stand in a statement in every encoding: printable ASCII. In some encodings a quote is the second half of a letter.
    static func isSafe(_ value: String) -> Bool { value.utf8.count <= 1024 && value.utf8.allSatisfy { (0x20...0x7E).contains($0) } }
}

/// What a proxy knows of one server connection, as long as that lasts.
final class PostgresProxyBackend {
    var prepared: PostgresProxyPrepared
    var settings: PostgresProxySettings
    /// Who has it now.
    weak var client: PostgresProxyHandler?
    private let statements: PostgresProxyStatements

    init(_ connection: PostgresConnection, maximumStatements: Int, statements: PostgresProxyStatements) {
        self.prepared = PostgresProxyPrepared(capacity: maximumStatements)
        self.settings = PostgresProxySettings(reported: connection.parameters)
        self.statements = statements
    }

    /// The session is as new.
    func reset(_ connection: PostgresConnection) {
        self.forget()
        self.settings = PostgresProxySettings(reported: connection.parameters)
    }

    /// Lets go of the statements: the connection has them no more.
    func forget() {
        for slot in self.prepared.slots { self.statements.release(slot.statement) }
        self.prepared = PostgresProxyPrepared(capacity: self.prepared.capacity)
    }
}
