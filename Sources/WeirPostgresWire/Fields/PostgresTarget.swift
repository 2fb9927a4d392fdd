/// What Describe and Close are about. The empty name is the unnamed one.
public enum PostgresTarget: Hashable, Sendable {
    /// `S`: a prepared statement.
    case statement(PostgresString)
    /// `P`: a portal.
    case portal(PostgresString)

    init(_ reader: inout PostgresReader) throws(PostgresWireError) {
        switch try reader.integer(UInt8.self) {
        case UInt8(ascii: "S"): self = .statement(try reader.string())
        case UInt8(ascii: "P"): self = .portal(try reader.string())
        default: throw PostgresWireError(.malformedMessage, "neither a statement nor a portal")
        }
    }
}
