import NIOCore
public import WeirPostgresWire

/// An error or a notice of the server, with all its fields. What it prints is its severity and SQLSTATE; the texts may repeat values and
/// have to be asked for.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-error-fields.html>.
public struct PostgresServerError: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// Every field as it came, those included that have no name here.
    public let fields: PostgresFields

    init(_ fields: PostgresFields) { self.fields = fields }

    /// ERROR, FATAL, PANIC; WARNING, NOTICE, DEBUG, INFO, LOG of a notice. Empty if the server sent none.
    public var severity: String { self.text(.nonlocalizedSeverity) ?? self.text(.severity) ?? "" }
    /// Nil if the server sent none, or what is none.
    public var sqlState: PostgresSQLState? { self.text(.sqlState).flatMap(PostgresSQLState.init) }
    /// What happened, in the server's words, which may repeat values. Empty if the server sent none.
    public var message: String { self.text(.message) ?? "" }
    /// More of it; may repeat values.
    public var detail: String? { self.text(.detail) }
    /// What might be done about it.
    public var hint: String? { self.text(.hint) }
    /// In the statement's text, in characters, from 1.
    public var position: Int? { self.text(.position).flatMap { Int($0) } }
    /// Where in which functions it happened; may repeat values.
    public var context: String? { self.text(.context) }
    /// The schema, table, column, data type and constraint that it is about, if any.
    public var schema: String? { self.text(.schema) }
    public var table: String? { self.text(.table) }
    public var column: String? { self.text(.column) }
    public var dataType: String? { self.text(.dataType) }
    public var constraint: String? { self.text(.constraint) }
    /// The function of the server's source that reported it.
    public var routine: String? { self.text(.routine) }

    /// The connection ends with it.
    public var isFatal: Bool { self.severity == "FATAL" || self.severity == "PANIC" }

    private func text(_ code: PostgresField.Code) -> String? { self.fields[code]?.string }

    /// Severity and SQLSTATE, no text.
    public var description: String {
        // Only what the protocol knows: anything else is a text of the server's.
        "\(self.fields.severity ?? "ERROR") \(self.sqlState?.description ?? "without SQLSTATE")"
    }
    /// As ``description``: dumps are kept.
    public var debugDescription: String { self.description }
}

extension PostgresServerError: CustomReflectable {
    public var customMirror: Mirror { Mirror(self, children: ["description": self.description]) }
}
