import NIOCore
import WeirCore
import WeirRESP

/// Which command gets which reply: those that wait for one, in the order in which they are sent.
///
/// Numbers go on for ever, also over a change of connection. Commands below ``sentCount`` were given to a channel and may have run; the
/// others have their bytes in ``unsent``. What was cancelled keeps its place as long as its reply is due, so that no reply is taken for
/// the next one's. A value without any I/O.
struct RedisQueue {
    struct Entry {
        var answer: RedisAnswer
        let timer: DeadlineToken?
        /// Bytes in ``RedisQueue/unsent``.
        var length: UInt32
    }

    private(set) var entries = CircularBuffer<Entry>(initialCapacity: 64)
    /// The number of the oldest entry.
    private(set) var firstNumber: UInt64 = 0
    /// The number of the first one that was not given to a channel.
    private(set) var sentNumber: UInt64 = 0
    /// Commands that were not given to a channel.
    private(set) var unsent = ByteBuffer()
    /// Among them those that need not be sent any more.
    private var voidBytes = 0
    /// Commands that may be sent again, by their numbers.
    private var copies: [UInt64: ByteBuffer] = [:]

    var count: Int { self.entries.count }
    var nextNumber: UInt64 { self.firstNumber + UInt64(self.entries.count) }
    var hasUnsent: Bool { self.sentNumber < self.nextNumber }
    /// Commands whose reply is due.
    var inFlight: Int { Int(self.sentNumber - self.firstNumber) }

    // MARK: Sending

    /// Puts a command at the end.
    mutating func append(_ request: borrowing RedisRequest, _ answer: RedisAnswer, timer: DeadlineToken?) {
        let before = self.unsent.readableBytes
        request.encode(into: &self.unsent)
        let length = self.unsent.readableBytes - before
        if request.traits.contains(.repeatable) {
            self.copies[self.nextNumber] = ByteBuffer(self.unsent.readableBytesView.suffix(length))
        }
        self.entries.append(Entry(answer: answer, timer: timer, length: UInt32(length)))
    }

    /// Everything that is unsent, for a channel: from now on it may have run. Nil if there is nothing.
    mutating func takeUnsent() -> ByteBuffer? {
        if self.voidBytes > 0 { self.dropVoid() }
        self.sentNumber = self.nextNumber
        return self.unsent.readableBytes > 0 ? self.unsent : nil
    }

    /// The bytes were taken over: their memory is used again if nobody holds it.
    mutating func clearUnsent() { self.unsent.clear() }

    private mutating func dropVoid() {
        var kept = ByteBuffer()
        for offset in self.inFlight..<self.entries.count {
            let index = self.entries.index(self.entries.startIndex, offsetBy: offset)
            guard let bytes = self.unsent.readSlice(length: Int(self.entries[index].length)) else {
                preconditionFailure("bytes are missing")
            }
            if case .void = self.entries[index].answer { continue }
            kept.writeImmutableBuffer(bytes)
        }
        self.unsent = kept
        self.voidBytes = 0
    }

    // MARK: Receiving

    /// Takes the command whose reply is here; nil if none is due.
    @inline(__always)
    mutating func popReplied() -> Entry? {
        while self.firstNumber < self.sentNumber, let entry = self.entries.popFirst() {
            if !self.copies.isEmpty { self.copies[self.firstNumber] = nil }
            self.firstNumber += 1
            if case .void = entry.answer { continue }
            return entry
        }
        return nil
    }

    /// Takes the answer away from a command, whose place stays.
    ///
    /// - Returns: who was to be told, and whether it may have run; nil if it has been answered.
    mutating func abandon(_ number: UInt64) -> (answer: RedisAnswer, timer: DeadlineToken?, mayHaveRun: Bool)? {
        guard number >= self.firstNumber, number < self.nextNumber else { return nil }
        let index = self.entries.index(self.entries.startIndex, offsetBy: Int(number - self.firstNumber))
        let entry = self.entries[index]
        guard entry.answer.isAnybody else { return nil }
        let wasSent = number < self.sentNumber
        self.entries[index].answer = wasSent ? .nobody : .void
        if !wasSent { self.voidBytes += Int(entry.length) }
        self.copies[number] = nil
        return (entry.answer, entry.timer, wasSent)
    }

    // MARK: The end of a connection

    /// The connection has gone. What may have run and may not be repeated is taken out, to be failed; all else is unsent again.
    mutating func connectionLost() -> [Entry] {
        var lost: [Entry] = []
        var again = ByteBuffer()
        for offset in 0..<self.inFlight {
            let index = self.entries.index(self.entries.startIndex, offsetBy: offset)
            let number = self.firstNumber + UInt64(offset)
            if let copy = self.copies[number], self.entries[index].answer.isAnybody {
                self.entries[index].length = UInt32(copy.readableBytes)
                again.writeImmutableBuffer(copy)
                continue
            }
            if self.entries[index].answer.isAnybody { lost.append(self.entries[index]) }
            self.entries[index].answer = .void
            self.entries[index].length = 0
        }
        self.sentNumber = self.firstNumber
        again.writeImmutableBuffer(self.unsent)
        self.unsent = again
        self.trim()
        return lost
    }

    /// Takes out everything, to be failed.
    ///
    /// - Returns: each with whether it may have run.
    mutating func removeAll() -> [(entry: Entry, mayHaveRun: Bool)] {
        let all = self.entries.enumerated().filter { $0.element.answer.isAnybody }.map { ($0.element, $0.offset < self.inFlight) }
        self.firstNumber = self.nextNumber
        self.sentNumber = self.firstNumber
        self.entries.removeAll(keepingCapacity: true)
        self.copies.removeAll()
        self.unsent.clear()
        self.voidBytes = 0
        return all
    }

    /// Forgets those at the front of which nothing is due and nothing will be sent.
    private mutating func trim() {
        while let first = self.entries.first, first.length == 0, case .void = first.answer {
            self.entries.removeFirst()
            self.firstNumber += 1
        }
        self.sentNumber = self.firstNumber
    }
}

/// Shows how much there is: commands hold passwords and values.
extension RedisQueue: CustomReflectable {
    var customMirror: Mirror { Mirror(self, children: ["count": self.count, "inFlight": self.inFlight]) }
}
