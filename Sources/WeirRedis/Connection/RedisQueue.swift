import NIOCore
import WeirCore
import WeirRESP

/// Which command gets which reply: those that wait for one, in the order in which they are sent.
///
/// Numbers go on for ever, also over a change of connection. Commands below ``sentNumber`` were given to a channel and may have run; the
/// others have their bytes in ``unsent``. What was cancelled keeps its place as long as its reply is due, so that no reply is taken for
/// the next one's. The oldest entry is never void. A value without any I/O.
struct RedisQueue {
    struct Entry {
        var answer: RedisAnswer
        let timer: DeadlineToken?
        /// Replies that are due: more than one for commands that belong together.
        var replies: UInt32 = 1
        /// Bytes in ``RedisQueue/unsent``; of no meaning once it was sent.
        var length: UInt32
        /// It was given to a connection that is gone, and is to be sent again.
        var wasSentBefore = false
    }

    /// A command that is waited for no longer.
    struct Abandoned {
        let answer: RedisAnswer
        let timer: DeadlineToken?
        /// Its reply is due on the connection that there is.
        let isInFlight: Bool
        /// It was sent, on this connection or on an earlier one.
        let mayHaveRun: Bool
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
    /// Entries that nobody waits for, void ones and others.
    private var goneCount = 0
    /// Commands that may be sent again, by their numbers.
    private var copies: [UInt64: ByteBuffer] = [:]
    private var copiedBytes = 0

    /// Memory that is kept for the next commands after these were sent.
    private static var keptCapacity: Int { 256 * 1024 }
    /// Void bytes that are left where they are until the rest is sent.
    private static var toleratedVoidBytes: Int { 64 * 1024 }

    var count: Int { self.entries.count }
    /// Commands that somebody waits for.
    var waiting: Int { self.entries.count - self.goneCount }
    var nextNumber: UInt64 { self.firstNumber + UInt64(self.entries.count) }
    /// Bytes that it holds: of what is unsent, and of what may be sent again.
    var heldBytes: Int { self.unsent.readableBytes + self.copiedBytes }
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
            // Memory of its own: a slice would have the next command copy all that is unsent.
            self.copies[self.nextNumber] = ByteBuffer(bytes: self.unsent.readableBytesView.suffix(length))
            self.copiedBytes += length
        }
        self.entries.append(Entry(answer: answer, timer: timer, length: UInt32(length)))
    }

    /// Puts commands that belong together at the end, as one: they are sent together, and nothing comes between them.
    mutating func append(_ requests: [RedisRequest], _ answer: RedisAnswer, timer: DeadlineToken?) {
        let before = self.unsent.readableBytes
        for request in requests { request.encode(into: &self.unsent) }
        let length = UInt32(self.unsent.readableBytes - before)
        self.entries.append(Entry(answer: answer, timer: timer, replies: UInt32(requests.count), length: length))
    }

    /// Takes everything that is unsent, for a channel: from now on it may have run. Nil if there is nothing.
    ///
    /// The bytes share their memory with what is appended next, so hand them over and call ``reclaimMemory()``.
    mutating func takeUnsent() -> ByteBuffer? {
        if self.voidBytes > 0 { self.dropVoidBytes() }
        self.sentNumber = self.nextNumber
        guard self.unsent.readableBytes > 0 else { return nil }
        let bytes = self.unsent
        self.unsent.moveReaderIndex(to: self.unsent.writerIndex)
        return bytes
    }

    /// The bytes were taken over: their memory is used again, unless somebody holds it or it is large.
    mutating func reclaimMemory() {
        // What came while they were handed over has memory of its own.
        guard self.unsent.readableBytes == 0 else { return }
        if self.unsent.capacity > Self.keptCapacity { self.unsent = ByteBuffer() } else { self.unsent.clear() }
    }

    private mutating func removeCopy(_ number: UInt64) {
        if let copy = self.copies.removeValue(forKey: number) { self.copiedBytes -= copy.readableBytes }
    }

    private mutating func dropVoidBytes() {
        var kept = ByteBuffer()
        kept.reserveCapacity(self.unsent.readableBytes - self.voidBytes)
        for offset in self.inFlight..<self.entries.count {
            let index = self.entries.index(self.entries.startIndex, offsetBy: offset)
            guard let bytes = self.unsent.readSlice(length: Int(self.entries[index].length)) else {
                preconditionFailure("bytes are missing")
            }
            if case .void = self.entries[index].answer { self.entries[index].length = 0 } else { kept.writeImmutableBuffer(bytes) }
        }
        self.unsent = kept
        self.voidBytes = 0
    }

    // MARK: Receiving

    /// Takes the command whose reply is here; nil if none is due. One of which more replies are due stays, and has no timer here.
    @inline(__always)
    mutating func popReplied() -> Entry? {
        guard self.firstNumber < self.sentNumber else { return nil }
        if self.entries[self.entries.startIndex].replies > 1 {
            let first = self.entries.startIndex
            self.entries[first].replies -= 1
            return Entry(answer: self.entries[first].answer, timer: nil, length: 0)
        }
        guard let entry = self.entries.popFirst() else { return nil }
        if !self.copies.isEmpty { self.removeCopy(self.firstNumber) }
        self.firstNumber += 1
        if self.goneCount > 0 {
            if !entry.answer.isAnybody { self.goneCount -= 1 }
            self.trim()
        }
        return entry
    }

    /// Takes the answer away from a command, whose place stays.
    ///
    /// - Returns: who was to be told; nil if it has been answered.
    mutating func abandon(_ number: UInt64) -> Abandoned? {
        guard number >= self.firstNumber, number < self.nextNumber else { return nil }
        let index = self.entries.index(self.entries.startIndex, offsetBy: Int(number - self.firstNumber))
        let entry = self.entries[index]
        guard entry.answer.isAnybody else { return nil }
        let isInFlight = number < self.sentNumber
        if !self.copies.isEmpty { self.removeCopy(number) }
        self.goneCount += 1
        if isInFlight {
            self.entries[index].answer = .nobody
        } else {
            self.entries[index].answer = .void
            self.voidBytes += Int(entry.length)
            self.trim()
            // At least half of it: the copying is paid for by what was thrown away.
            if self.voidBytes > max(Self.toleratedVoidBytes, self.unsent.readableBytes / 2) { self.dropVoidBytes() }
        }
        return Abandoned(answer: entry.answer, timer: entry.timer, isInFlight: isInFlight, mayHaveRun: isInFlight || entry.wasSentBefore)
    }

    // MARK: The end of a connection

    /// The connection has gone. What may have run and may not be repeated is taken out, to be failed; all else is unsent again.
    ///
    /// - Parameter failsFirst: also the one whose reply is due first, whatever it is: that reply could not be read, nor could another.
    mutating func connectionLost(failsFirst: Bool = false) -> [Entry] {
        var lost: [Entry] = []
        var again = ByteBuffer()
        for offset in 0..<self.inFlight {
            let index = self.entries.index(self.entries.startIndex, offsetBy: offset)
            if case .void = self.entries[index].answer { continue }
            if self.entries[index].answer.isAnybody {
                if let copy = self.copies[self.firstNumber + UInt64(offset)], offset > 0 || !failsFirst {
                    self.entries[index].length = UInt32(copy.readableBytes)
                    self.entries[index].wasSentBefore = true
                    again.writeImmutableBuffer(copy)
                    continue
                }
                lost.append(self.entries[index])
                self.removeCopy(self.firstNumber + UInt64(offset))
                self.goneCount += 1
            }
            self.entries[index].answer = .void
            self.entries[index].length = 0
            self.entries[index].replies = 1
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
        var all: [(entry: Entry, mayHaveRun: Bool)] = []
        for (offset, entry) in self.entries.enumerated() where entry.answer.isAnybody {
            all.append((entry, offset < self.inFlight || entry.wasSentBefore))
        }
        self.firstNumber = self.nextNumber
        self.sentNumber = self.firstNumber
        self.entries.removeAll(keepingCapacity: true)
        self.copies.removeAll()
        self.copiedBytes = 0
        self.unsent.clear()
        self.voidBytes = 0
        self.goneCount = 0
        return all
    }

    /// Forgets those at the front that are void: nothing will come for them.
    private mutating func trim() {
        while self.goneCount > 0, let first = self.entries.first, case .void = first.answer {
            if self.firstNumber >= self.sentNumber {
                self.unsent.moveReaderIndex(forwardBy: Int(first.length))
                self.voidBytes -= Int(first.length)
            }
            self.entries.removeFirst()
            self.firstNumber += 1
            self.goneCount -= 1
        }
        self.sentNumber = max(self.sentNumber, self.firstNumber)
        if self.unsent.readerIndex > max(Self.toleratedVoidBytes, self.unsent.readableBytes) { self.unsent.discardReadBytes() }
    }
}

/// Shows how much there is: commands hold passwords and values.
extension RedisQueue: CustomReflectable {
    var customMirror: Mirror { Mirror(self, children: ["count": self.count, "inFlight": self.inFlight]) }
}
