import WeirPostgresWire

/// A statement as one connection has it prepared, or is preparing it.
final class PostgresPreparedStatement {
    let sql: String
    let types: [PostgresType]
    /// What it is called on its connection: `w` and the number; the unnamed one is 0.
    let number: UInt32
    /// Bind up to the values, with a length that is to be set, where all of them are binary: what each use begins with.
    let bindPrefix: [UInt8]
    /// Nil until the server has described it.
    var columns: PostgresRowColumns?
    /// The server has parsed it, or nobody has said yet that it could not.
    var isUsable = true
    /// It leaves something behind in its session.
    var changesSession = false
    /// For the cache: was asked for since it was last looked at.
    var wasUsed = true
    /// In which form results come; text for a type that has no other.
    var resultFormat = PostgresFormat.binary

    init(sql: String, types: [PostgresType], number: UInt32) {
        self.sql = sql
        self.types = types
        self.number = number
        let beginning = [PostgresFrontend.Kind.bind.rawValue, 0, 0, 0, 0, 0] + Self.name(number).utf8 + [0]
        // One format, which is that of all.
        let count = UInt16(truncatingIfNeeded: types.count)
        self.bindPrefix = beginning + [0, 1, 0, UInt8(PostgresFormat.binary.rawValue), UInt8(count >> 8), UInt8(count & 0xFF)]
    }

    var name: String { Self.name(self.number) }

    static func name(_ number: UInt32) -> String { number == 0 ? "" : "w\(number)" }
}

/// The prepared statements of one connection, found by text and parameter types. Bounded: whichever was not asked for lately makes room.
///
/// The clock of Corbató: those that were used since the hand last passed them get another round.
struct PostgresStatementCache {
    private let capacity: Int
    private var byText: [String: [PostgresPreparedStatement]] = [:]
    private var ring: [PostgresPreparedStatement] = []
    private var hand = 0
    private var lastNumber: UInt32 = 0
    /// What was found last; the same text is often asked for again.
    private var last: PostgresPreparedStatement?

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { self.ring.count }

    /// - Complexity: O(length of the text), without an allocation.
    mutating func find(_ sql: String, _ types: [PostgresType]) -> PostgresPreparedStatement? {
        if let last, last.sql == sql, last.types == types {
            last.wasUsed = true
            return last
        }
        guard let variants = self.byText[sql] else { return nil }
        for statement in variants where statement.types == types {
            statement.wasUsed = true
            self.last = statement
            return statement
        }
        return nil
    }

    /// A new one; what it drives out is to be closed on the server.
    mutating func insert(_ sql: String, _ types: [PostgresType]) -> (PostgresPreparedStatement, evicted: PostgresPreparedStatement?) {
        guard self.capacity > 0 else { return (PostgresPreparedStatement(sql: sql, types: types, number: 0), nil) }
        self.lastNumber += 1
        let statement = PostgresPreparedStatement(sql: sql, types: types, number: self.lastNumber)
        let evicted = self.ring.count >= self.capacity ? self.evict() : nil
        self.byText[sql, default: []].append(statement)
        self.ring.append(statement)
        return (statement, evicted)
    }

    private mutating func evict() -> PostgresPreparedStatement {
        while true {
            if self.hand >= self.ring.count { self.hand = 0 }
            let candidate = self.ring[self.hand]
            if !candidate.wasUsed {
                self.remove(candidate)
                return candidate
            }
            candidate.wasUsed = false
            self.hand += 1
        }
    }

    /// Forgets one: it could not be prepared, or is gone on the server.
    mutating func remove(_ statement: PostgresPreparedStatement) {
        statement.isUsable = false
        if self.last === statement { self.last = nil }
        guard let place = self.ring.firstIndex(where: { $0 === statement }) else { return }
        self.ring.swapAt(place, self.ring.count - 1)
        self.ring.removeLast()
        self.byText[statement.sql]?.removeAll { $0 === statement }
        if self.byText[statement.sql]?.isEmpty ?? false { self.byText[statement.sql] = nil }
    }

    /// Forgets all of them: the session has none any more.
    mutating func removeAll() {
        for statement in self.ring { statement.isUsable = false }
        self.last = nil
        self.ring = []
        self.byText = [:]
    }
}
