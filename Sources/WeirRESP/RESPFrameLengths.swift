/// The lengths of values that lie one behind the other, in their order.
struct RESPFrameLengths: Sendable {
    /// Enough for the values of a read, if they are small; more would be found while the first could be used.
    static let room = 32

    private var lengths: [Int] = []
    private var taken = 0

    var isEmpty: Bool { self.taken == self.lengths.count }
    var isFull: Bool { self.lengths.count == Self.room }

    /// Room is made when all have been taken.
    @inline(__always)
    mutating func append(_ length: Int) {
        self.lengths.append(length)
    }

    @inline(__always)
    mutating func popFirst() -> Int {
        let length = self.lengths[self.taken]
        self.taken += 1
        if self.isEmpty {
            self.lengths.removeAll(keepingCapacity: true)
            self.taken = 0
        }
        return length
    }
}
