public import WeirPostgresWire

/// What the columns of a result are. Made once for each prepared statement and shared by its rows.
public final class PostgresRowColumns: Sendable {
    /// One column.
    public struct Column: Sendable {
        /// Its name, as the statement gives it.
        public let name: String
        /// The type of its values.
        public let type: PostgresType
        /// How they are written.
        public let format: PostgresFormat
    }

    /// In their order.
    public let list: [Column]

    /// - Parameter format: nil for what the description says.
    init(_ description: PostgresBackend.RowDescription, format: PostgresFormat?) {
        self.list = description.map { Column(name: $0.name.string, type: $0.type, format: format ?? $0.format) }
    }

    private init(_ list: [Column]) { self.list = list }

    /// The same columns, as text.
    var asText: PostgresRowColumns {
        PostgresRowColumns(self.list.map { Column(name: $0.name, type: $0.type, format: .text) })
    }

    static let none = PostgresRowColumns([])

    /// How many there are.
    public var count: Int { self.list.count }

    /// The first of this name.
    ///
    /// - Complexity: linear in the columns; who asks often asks once.
    public func index(of name: String) -> Int? { self.list.firstIndex { $0.name == name } }

    /// The column of this place, inside of the list.
    @inlinable @inline(__always)
    func type(at index: Int) -> (PostgresType, PostgresFormat)? {
        guard index < self.list.count else { return nil }
        return (self.list[index].type, self.list[index].format)
    }
}
