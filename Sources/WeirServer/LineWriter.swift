import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// The thread of a ``LineLog``, and what waits for it.
final class LineWriter: Sendable {
    private struct Piece {
        var bytes = ByteBuffer()
        var lines = 0
    }

    private struct State {
        /// Filled up one after the other, so that nothing large is ever copied under the lock.
        var waiting: [Piece] = []
        /// Of what waits and what is being written.
        var bytes = 0
        var lines = 0
        var written = 0
        var dropped = 0
        /// Lines that were dropped and not said to be.
        var untold = 0
        /// Whether the last line that was written broke off.
        var isMidLine = false
        /// Whether the thread is writing, or about to.
        var isWriting = false
        var isClosed = false
        /// Called by the thread when it has written everything.
        var whenClosed: (@Sendable () -> Void)?
        var deadline = NIODeadline.distantFuture
    }

    private static let pieceLength = 64 * 1024

    private let descriptor: LogDescriptor
    private let name: String
    private let maximumWaitingBytes: Int
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let state = NIOLockedValueBox(State())

    init(_ descriptor: LogDescriptor, name: String, maximumWaitingBytes: Int) {
        precondition(maximumWaitingBytes > 0, "LineLog: something must be allowed to wait")
        self.descriptor = descriptor
        self.name = name
        self.maximumWaitingBytes = maximumWaitingBytes
        self.pool.start()
    }

    var statistics: LineLog.Statistics {
        self.state.withLockedValue { LineLog.Statistics(written: $0.written, dropped: $0.dropped, waiting: $0.lines) }
    }

    /// Whole lines; they are copied. From any thread.
    func add(_ bytes: ByteBuffer, lines: Int) {
        let begins = self.state.withLockedValue { state in
            guard !state.isClosed else {
                state.dropped += lines
                return false
            }
            if state.bytes + bytes.readableBytes <= self.maximumWaitingBytes {
                Self.append(bytes, lines: lines, &state)
            } else {
                state.dropped += lines
                state.untold += lines
            }
            return Self.begin(&state)
        }
        if begins { self.begin() }
    }

    /// Writes what waits and the last words, gives up at the deadline, then ends the thread and calls `closed`: once, on the thread.
    /// A second call is not heard.
    func close(saying lastWords: String, givingUpAt deadline: NIODeadline, _ closed: @escaping @Sendable () -> Void) {
        let begins = self.state.withLockedValue { state in
            guard !state.isClosed else { return false }
            state.isClosed = true
            state.deadline = deadline
            state.whenClosed = closed
            if !lastWords.isEmpty { Self.append(ByteBuffer(string: lastWords + "\n"), lines: 1, &state) }
            return Self.begin(&state)
        }
        if begins { self.begin() }
    }

    private static func append(_ bytes: ByteBuffer, lines: Int, _ state: inout State) {
        state.bytes += bytes.readableBytes
        state.lines += lines
        let last = state.waiting.count - 1
        if last < 0 || state.waiting[last].bytes.readableBytes + bytes.readableBytes > Self.pieceLength { state.waiting.append(Piece()) }
        state.waiting[state.waiting.count - 1].bytes.writeImmutableBuffer(bytes)
        state.waiting[state.waiting.count - 1].lines += lines
    }

    private static func begin(_ state: inout State) -> Bool {
        defer { state.isWriting = true }
        return !state.isWriting
    }

    // MARK: The thread

    private func begin() { self.pool.submit { _ in self.writeAll() } }

    private func writeAll() {
        LogDescriptor.surviveBrokenPipes()
        var hasFailed = false
        while let (pieces, untold) = self.take(hasFailed: hasFailed) {
            hasFailed = false
            for piece in pieces where !self.write(piece) { hasFailed = true }
            if untold > 0, !hasFailed { hasFailed = !self.tell(untold) }
        }
    }

    /// What is to be written and how many dropped lines are to be told of; nil when there is nothing (that can be written now).
    private func take(hasFailed: Bool) -> (pieces: [Piece], untold: Int)? {
        let (taken, whenClosed) = self.state.withLockedValue { state -> ((pieces: [Piece], untold: Int)?, (@Sendable () -> Void)?) in
            if !state.waiting.isEmpty || (state.untold > 0 && !hasFailed) {
                let pieces = state.waiting
                state.waiting = []
                return ((pieces, state.untold), nil)
            }
            state.isWriting = false
            return (nil, state.whenClosed.take())
        }
        if let whenClosed {
            self.descriptor.close()
            self.pool.shutdownGracefully { _ in }
            whenClosed()
        }
        return taken
    }

    private func write(_ piece: Piece) -> Bool {
        let written = self.write(piece.bytes)
        let rest = piece.bytes.readableBytesView.dropFirst(written)
        let lost = rest.isEmpty ? 0 : min(piece.lines, rest.count { $0 == UInt8(ascii: "\n") })
        self.state.withLockedValue { state in
            state.bytes -= piece.bytes.readableBytes
            state.lines -= piece.lines
            state.written += piece.lines - lost
            state.dropped += lost
            state.untold += lost
        }
        return lost == 0
    }

    private func tell(_ untold: Int) -> Bool {
        let notice = ByteBuffer(string: "\(untold) lines of \(self.name) were dropped\n")
        let isTold = self.write(notice) == notice.readableBytes
        if isTold { self.state.withLockedValue { $0.untold -= untold } }
        return isTold
    }

    /// How many bytes were written. A line that broke off earlier is ended first.
    private func write(_ bytes: ByteBuffer) -> Int {
        let isGivenUp = { self.state.withLockedValue { $0.deadline } <= .now() }
        if self.state.withLockedValue({ $0.isMidLine }) {
            guard self.descriptor.write(ByteBuffer(string: "\n"), isGivenUp: isGivenUp) == 1 else { return 0 }
            self.state.withLockedValue { $0.isMidLine = false }
        }
        let written = self.descriptor.write(bytes, isGivenUp: isGivenUp)
        if written < bytes.readableBytes, bytes.readableBytesView.prefix(written).last.map({ $0 != UInt8(ascii: "\n") }) ?? false {
            self.state.withLockedValue { $0.isMidLine = true }
        }
        return written
    }
}
