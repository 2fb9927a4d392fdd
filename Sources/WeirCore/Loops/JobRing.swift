/// A queue of jobs in a ring that doubles when it is full and is kept: nothing is allocated in steady state.
struct JobRing: ~Copyable {
    private var slots: UnsafeMutablePointer<UnownedJob>
    private var mask: Int
    private var first = 0
    private var count = 0

    init() {
        self.slots = .allocate(capacity: 64)
        self.mask = 63
    }

    deinit { self.slots.deallocate() }

    var isEmpty: Bool { self.count == 0 }

    mutating func append(_ job: UnownedJob) {
        if self.count > self.mask { self.grow() }
        (self.slots + ((self.first &+ self.count) & self.mask)).initialize(to: job)
        self.count &+= 1
    }

    mutating func popFirst() -> UnownedJob? {
        guard self.count > 0 else { return nil }
        let job = (self.slots + self.first).move()
        self.first = (self.first &+ 1) & self.mask
        self.count &-= 1
        return job
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<UnownedJob>.allocate(capacity: (self.mask + 1) * 2)
        let untilEnd = self.mask + 1 - self.first
        larger.moveInitialize(from: self.slots + self.first, count: untilEnd)
        (larger + untilEnd).moveInitialize(from: self.slots, count: self.first)
        self.slots.deallocate()
        self.slots = larger
        self.first = 0
        self.mask = self.mask * 2 + 1
    }
}
