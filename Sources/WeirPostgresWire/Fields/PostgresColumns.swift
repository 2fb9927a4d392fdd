import NIOCore

/// What a RowDescription says of one column.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, RowDescription.
public struct PostgresColumn: Hashable, Sendable {
    /// Its name.
    public let name: PostgresString
    /// The object id of its table; 0 if it is none of a table's.
    public let table: UInt32
    /// Which column of the table it is; 0 if it is none of a table's.
    public let attribute: Int16
    /// The type of its values.
    public let type: PostgresType
    /// How long they are, `pg_type.typlen`: negative if it varies.
    public let typeSize: Int16
    /// What was said of the type besides, `pg_attribute.atttypmod`: -1 if nothing was.
    public let typeModifier: Int32
    /// How they are written. Of a statement, before Bind, always text.
    public let format: PostgresFormat

    /// A column to describe.
    public init(
        name: PostgresString, table: UInt32 = 0, attribute: Int16 = 0, type: PostgresType, typeSize: Int16 = -1, typeModifier: Int32 = -1,
        format: PostgresFormat = .text
    ) {
        self.name = name
        self.table = table
        self.attribute = attribute
        self.type = type
        self.typeSize = typeSize
        self.typeModifier = typeModifier
        self.format = format
    }

    init(_ reader: inout PostgresReader) throws(PostgresWireError) {
        self.name = try reader.string()
        self.table = try reader.integer()
        self.attribute = try reader.integer()
        self.type = PostgresType(rawValue: try reader.integer())
        self.typeSize = try reader.integer()
        self.typeModifier = try reader.integer()
        self.format = try reader.format()
    }

    func write(_ message: inout PostgresMessageWriter) throws(PostgresWireError) {
        try message.string(self.name)
        try message.integer(self.table)
        try message.integer(self.attribute)
        try message.integer(self.type.rawValue)
        try message.integer(self.typeSize)
        try message.integer(self.typeModifier)
        try message.integer(self.format.rawValue)
    }
}
