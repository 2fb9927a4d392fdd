/// The statements of one connection, in their order. Each is touched where it lies: a copy would cost a retain and a release for each of its
/// references, several times a statement.
///
/// A place is good until the next ``append(_:)``, so that nobody keeps one while a receiver is called.
struct PostgresEntryRing: ~Copyable {
    private var base: UnsafeMutablePointer<PostgresEntry>
    private var capacity = 64
    private var head = 0
    private(set) var count = 0

    init() { self.base = .allocate(capacity: self.capacity) }

    deinit {
        for place in 0..<self.count { (self.base + ((self.head &+ place) & (self.capacity &- 1))).deinitialize(count: 1) }
        self.base.deallocate()
    }

    var isEmpty: Bool { self.count == 0 }

    /// The one whose turn it is; nil if there is none.
    var first: UnsafeMutablePointer<PostgresEntry>? {
        @inline(__always) get { self.count == 0 ? nil : self.base + self.head }
    }

    var last: UnsafeMutablePointer<PostgresEntry>? { self.count == 0 ? nil : self[self.count - 1] }

    /// The one that has so many before it.
    subscript(place: Int) -> UnsafeMutablePointer<PostgresEntry> {
        precondition(place >= 0 && place < self.count, "a statement that is not there")
        return self.base + ((self.head &+ place) & (self.capacity &- 1))
    }

    /// - Complexity: O(1), amortised.
    @inline(__always)
    mutating func append(_ entry: consuming PostgresEntry) {
        if self.count == self.capacity { self.grow() }
        (self.base + ((self.head &+ self.count) & (self.capacity &- 1))).initialize(to: entry)
        self.count &+= 1
    }

    @inline(__always)
    mutating func removeFirst() -> PostgresEntry {
        precondition(self.count > 0, "no statement is there")
        let entry = (self.base + self.head).move()
        self.head = (self.head &+ 1) & (self.capacity &- 1)
        self.count &-= 1
        return entry
    }

    mutating func removeAll() -> [PostgresEntry] {
        var entries: [PostgresEntry] = []
        while self.count > 0 { entries.append(self.removeFirst()) }
        return entries
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<PostgresEntry>.allocate(capacity: self.capacity * 2)
        let untilEnd = self.capacity - self.head
        larger.moveInitialize(from: self.base + self.head, count: untilEnd)
        (larger + untilEnd).moveInitialize(from: self.base, count: self.head)
        self.base.deallocate()
        (self.base, self.head, self.capacity) = (larger, 0, self.capacity * 2)
    }
}
