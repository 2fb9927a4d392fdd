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
    /// How many there are.
    public let count: Int

    @usableFromInline
    struct Kind {
        @usableFromInline let type: PostgresType
        @usableFromInline let format: PostgresFormat
    }

    // What decoding looks at, without the array's checks and retains. Unsafe because nothing is written there after `init`, and the memory
    // goes with this object.
    @usableFromInline nonisolated(unsafe) let kinds: UnsafeMutablePointer<Kind>

    /// - Parameter format: nil for what the description says.
    convenience init(_ description: PostgresBackend.RowDescription, format: PostgresFormat?) {
        self.init(description.map { Column(name: $0.name.string, type: $0.type, format: format ?? $0.format) })
    }

    /// The same columns, as text.
    var asText: PostgresRowColumns {
        PostgresRowColumns(self.list.map { Column(name: $0.name, type: $0.type, format: .text) })
    }

    private init(_ list: [Column]) {
        self.list = list
        self.count = list.count
        self.kinds = .allocate(capacity: list.count)
        for (index, column) in list.enumerated() {
            (self.kinds + index).initialize(to: Kind(type: column.type, format: column.format))
        }
    }

    deinit { self.kinds.deallocate() }

    static let none = PostgresRowColumns([])

    /// The first of this name.
    ///
    /// - Complexity: linear in the columns; who asks often asks once.
    public func index(of name: String) -> Int? { self.list.firstIndex { $0.name == name } }
}
