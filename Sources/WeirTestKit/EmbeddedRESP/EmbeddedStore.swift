import NIOCore

/// The strings of an ``EmbeddedRESPServer``: a dictionary with expiry and a bound on its memory. Knows no protocol and no
/// clock: the time is passed in.
///
/// Expired keys are dropped when they are met, and all at once when there would be no room otherwise; no timer runs.
struct EmbeddedStore {
    /// What a key is taken to cost beside its bytes: two buffers and a dictionary's slot.
    private static let overheadPerKey = 192

    private struct Entry {
        var value: ByteBuffer
        var expiry: NIODeadline?
    }

    let maximumKeys: Int
    let maximumMemory: Int
    private var entries: [ByteBuffer: Entry] = [:]
    /// Bytes that all keys are taken to cost.
    private(set) var memory = 0

    init(maximumKeys: Int, maximumMemory: Int) {
        self.maximumKeys = maximumKeys
        self.maximumMemory = maximumMemory
    }

    /// Keys held, those that expired unnoticed included.
    var count: Int { self.entries.count }

    mutating func value(_ key: ByteBuffer, now: NIODeadline) -> ByteBuffer? { self.live(key, now: now)?.value }

    /// When the key expires; the outer optional is nil without the key, the inner one without an expiry.
    mutating func expiry(_ key: ByteBuffer, now: NIODeadline) -> NIODeadline?? { self.live(key, now: now).map(\.expiry) }

    /// Stores copies of both, as what comes from a connection is a slice of its read buffer. False if there is no room.
    mutating func set(_ key: ByteBuffer, to value: ByteBuffer, expiry: NIODeadline?, now: NIODeadline) -> Bool {
        let previous = self.entries[key].map { Self.cost(key, $0.value) } ?? 0
        let cost = Self.cost(key, value)
        if !self.hasRoom(adding: cost - previous, isNew: previous == 0) {
            self.dropExpired(now: now)
            let previous = self.entries[key].map { Self.cost(key, $0.value) } ?? 0
            guard self.hasRoom(adding: cost - previous, isNew: previous == 0) else { return false }
        }
        self.remove(key)
        self.entries[Self.copy(key)] = Entry(value: Self.copy(value), expiry: expiry)
        self.memory += cost
        return true
    }

    /// Sets or clears the expiry of a key that is there.
    mutating func setExpiry(_ key: ByteBuffer, to expiry: NIODeadline?) { self.entries[key]?.expiry = expiry }

    /// True if the key was there.
    mutating func delete(_ key: ByteBuffer, now: NIODeadline) -> Bool {
        guard self.live(key, now: now) != nil else { return false }
        self.remove(key)
        return true
    }

    mutating func deleteAll() {
        self.entries.removeAll()
        self.memory = 0
    }

    private mutating func live(_ key: ByteBuffer, now: NIODeadline) -> Entry? {
        guard let entry = self.entries[key] else { return nil }
        if let expiry = entry.expiry, expiry <= now {
            self.remove(key)
            return nil
        }
        return entry
    }

    private mutating func remove(_ key: ByteBuffer) {
        guard let entry = self.entries.removeValue(forKey: key) else { return }
        self.memory -= Self.cost(key, entry.value)
    }

    private func hasRoom(adding bytes: Int, isNew: Bool) -> Bool {
        self.memory + bytes <= self.maximumMemory && (!isNew || self.entries.count < self.maximumKeys)
    }

    private mutating func dropExpired(now: NIODeadline) {
        for (key, entry) in self.entries {
            if let expiry = entry.expiry, expiry <= now { self.remove(key) }
        }
    }

    private static func cost(_ key: ByteBuffer, _ value: ByteBuffer) -> Int {
        key.readableBytes + value.readableBytes + self.overheadPerKey
    }

    private static func copy(_ bytes: ByteBuffer) -> ByteBuffer { ByteBuffer(bytes: bytes.readableBytesView) }
}
