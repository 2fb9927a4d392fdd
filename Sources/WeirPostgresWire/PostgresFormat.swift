/// How a value is written: as text, as a person would type it, or in the type's own binary form.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-overview.html#PROTOCOL-FORMAT-CODES>.
public enum PostgresFormat: Int16, Hashable, Sendable {
    case text = 0
    case binary = 1
}
