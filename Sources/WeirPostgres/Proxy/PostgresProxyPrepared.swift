import NIOCore

/// Which statements one server connection has. A value without any I/O.
///
/// Orders to the server are noted when they are sent. Between two Syncs the server does what it is told or, after an error, nothing; so what
/// was ordered and not yet answered is certain for what follows in the same segment, and unknown for what follows behind the next Sync. There
/// it is closed first, which is no error where there is nothing to close.
///
/// Bounded: what was not asked for lately is closed for what is new. The clock of Corbató.
struct PostgresProxyPrepared {
    enum State: Equatable {
        /// Next: present, by its ParseComplete; gone, by an error; unknown.
        case parsing(segment: UInt32)
        /// Next: closing, unknown.
        case present
        /// Next: gone, by its CloseComplete; present, by an error before it; parsing.
        case closing(segment: UInt32)
        /// Next: parsing.
        case unknown
    }

    /// What has to be sent before a statement can be used.
    enum Need: Equatable {
        case nothing
        case parse
        case closeAndParse
    }

    struct Slot {
        let statement: PostgresProxyStatement
        var state: State
        var wasUsed = true
    }

    private(set) var slots: [Slot] = []
    private var places: [UInt32: Int] = [:]
    private var hand = 0
    private var closing = 0
    let capacity: Int

    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// Statements that it has or will have.
    var count: Int { self.slots.count - self.closing }

    func state(of number: UInt32) -> State? { self.places[number].map { self.slots[$0].state } }

    /// Notes that a statement is used in this segment, and that what it needs for that is sent.
    ///
    /// - Parameter evicted: called first with a statement that is to be closed to make room.
    /// - Returns: what it needs; if it is new, ``wasAdded`` tells the caller to keep the statement.
    mutating func use(
        _ statement: PostgresProxyStatement, segment: UInt32, evicted: (PostgresProxyStatement) -> Void
    ) -> (need: Need, wasAdded: Bool) {
        if let place = self.places[statement.number] {
            self.slots[place].wasUsed = true
            switch self.slots[place].state {
            case .present: return (.nothing, false)
            case .parsing(segment): return (.nothing, false)
            case .closing:
                self.closing -= 1
                self.slots[place].state = .parsing(segment: segment)
                return (.closeAndParse, false)
            case .parsing, .unknown:
                self.slots[place].state = .parsing(segment: segment)
                return (.closeAndParse, false)
            }
        }
        if self.count >= self.capacity, let victim = self.victim(segment) { evicted(victim) }
        self.places[statement.number] = self.slots.count
        self.slots.append(Slot(statement: statement, state: .parsing(segment: segment)))
        return (.parse, true)
    }

    /// One that is there for sure and was not used since it was last looked at.
    private mutating func victim(_ segment: UInt32) -> PostgresProxyStatement? {
        for _ in 0..<(2 * self.slots.count) {
            if self.hand >= self.slots.count { self.hand = 0 }
            defer { self.hand += 1 }
            guard self.slots[self.hand].state == .present else { continue }
            if self.slots[self.hand].wasUsed {
                self.slots[self.hand].wasUsed = false
            } else {
                self.slots[self.hand].state = .closing(segment: segment)
                self.closing += 1
                return self.slots[self.hand].statement
            }
        }
        return nil
    }

    /// The server has parsed it.
    mutating func parsed(_ number: UInt32, segment: UInt32) {
        guard let place = self.places[number], self.slots[place].state == .parsing(segment: segment) else { return }
        self.slots[place].state = .present
    }

    /// The server could not parse it, or did not, as something before it has failed.
    ///
    /// - Parameter wasCertain: false if it was not known whether the server had it before, and it was not closed either.
    /// - Returns: the statement, if it is gone from here.
    mutating func notParsed(_ number: UInt32, segment: UInt32, wasCertain: Bool) -> PostgresProxyStatement? {
        guard let place = self.places[number], self.slots[place].state == .parsing(segment: segment) else { return nil }
        guard wasCertain else {
            self.slots[place].state = .unknown
            return nil
        }
        return self.remove(place)
    }

    /// The server has closed it.
    ///
    /// - Returns: the statement, if it is gone from here.
    mutating func closed(_ number: UInt32, segment: UInt32) -> PostgresProxyStatement? {
        guard let place = self.places[number], self.slots[place].state == .closing(segment: segment) else { return nil }
        return self.remove(place)
    }

    /// The server did not close it, as something before it has failed.
    mutating func notClosed(_ number: UInt32, segment: UInt32) {
        guard let place = self.places[number], self.slots[place].state == .closing(segment: segment) else { return }
        self.slots[place].state = .present
        self.closing -= 1
    }

    /// It is of no use as it is.
    mutating func spoiled(_ number: UInt32) {
        guard let place = self.places[number], self.slots[place].state == .present else { return }
        self.slots[place].state = .unknown
    }

    /// The session has thrown all of them away; what is being parsed comes after that.
    ///
    /// - Returns: what is gone from here.
    mutating func discardAll() -> [PostgresProxyStatement] {
        var gone: [PostgresProxyStatement] = []
        for place in self.slots.indices.reversed() {
            if case .parsing = self.slots[place].state { continue }
            gone.append(self.remove(place))
        }
        return gone
    }

    private mutating func remove(_ place: Int) -> PostgresProxyStatement {
        let slot = self.slots[place]
        if case .closing = slot.state { self.closing -= 1 }
        self.places[slot.statement.number] = nil
        let last = self.slots.removeLast()
        if place < self.slots.count {
            self.slots[place] = last
            self.places[last.statement.number] = place
        }
        return slot.statement
    }
}
