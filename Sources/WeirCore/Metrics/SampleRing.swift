import NIOCore

/// Samples taken at moments, kept for at least a window and never more than a fixed number of them.
///
/// However often samples come, the ring spans the window: while the newest is less than a fair share of the window after the
/// one before it, the next takes its place. Pure: time is passed in.
struct SampleRing<Sample> {
    struct Entry {
        let time: NIODeadline
        let sample: Sample
    }

    let window: TimeAmount
    private let capacity: Int
    private let spacing: UInt64
    private var entries: [Entry] = []

    /// - Parameters:
    ///   - window: at least a nanosecond.
    ///   - capacity: how many samples at most; 4 to 1024, what lies outside is brought to the nearer end.
    init(window: TimeAmount, capacity: Int) {
        self.window = max(window, .nanoseconds(1))
        self.capacity = min(max(capacity, 4), 1024)
        // All entries but the newest are at least this far apart: the oldest is then a window older than the last of those.
        let shares = UInt64(self.capacity - 2)
        self.spacing = (UInt64(self.window.nanoseconds) + shares - 1) / shares
    }

    var count: Int { self.entries.count }
    var newest: Entry? { self.entries.last }

    /// Takes a sample. One older than the newest is ignored.
    mutating func push(_ sample: Sample, at time: NIODeadline) {
        let entry = Entry(time: time, sample: sample)
        guard let newest = self.entries.last else {
            self.entries.reserveCapacity(self.capacity)
            self.entries.append(entry)
            return
        }
        guard time >= newest.time else { return }
        let replaces =
            if self.entries.count > 1 {
                Self.nanoseconds(from: self.entries[self.entries.count - 2].time, to: newest.time) < self.spacing
            } else {
                time == newest.time
            }
        if replaces {
            self.entries[self.entries.count - 1] = entry
        } else {
            if self.entries.count == self.capacity { self.entries.removeFirst() }
            self.entries.append(entry)
        }
    }

    mutating func removeAll() { self.entries.removeAll(keepingCapacity: true) }

    /// The newest sample, and the one to compare it with: the last from a window or more before `now`, else the oldest there is.
    /// Nil when there are not two, or when the newest itself is a window old or older.
    func span(now: NIODeadline) -> (from: Entry, to: Entry)? {
        guard self.entries.count > 1, let newest = self.entries.last else { return nil }
        let window = UInt64(self.window.nanoseconds)
        guard Self.nanoseconds(from: newest.time, to: now) < window else { return nil }
        let before = self.entries.last { $0.time <= now && Self.nanoseconds(from: $0.time, to: now) >= window }
        return (before ?? self.entries[0], newest)
    }

    /// Zero when `to` is the earlier.
    static func nanoseconds(from: NIODeadline, to: NIODeadline) -> UInt64 {
        to > from ? to.uptimeNanoseconds - from.uptimeNanoseconds : 0
    }
}
