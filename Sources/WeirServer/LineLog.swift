import NIOCore
import WeirCore

/// Lines that event loops write to standard output, standard error or a file, and never wait for.
///
///     let log = try LineLog(group, to: .standardOutput, name: "the access log")
///     let local = log[channel.eventLoop]                  // once per connection, then kept in the handler
///     local.add { line in
///         line.writeString("GET ")
///         line.writeEscaped(path)                         // a client chose it
///     }
///
/// Each loop collects its lines and hands them over once at the end of its pass; a thread of its own writes them. What waits is
/// bounded: lines beyond it, and lines that could not be written, are dropped, counted, and their number is written when there is
/// room again.
public final class LineLog: Sendable {
    /// What became of the lines. Each one that was added is written, or dropped, or waits.
    public struct Statistics: Hashable, Sendable {
        /// Lines that are with the kernel.
        public var written = 0
        /// Lines that never will be.
        public var dropped = 0
        /// Lines that wait for the thread; those that their loops have not handed over are not counted.
        public var waiting = 0
    }

    private let writer: LineWriter
    private let locals: LoopLocal<LocalLineLog>

    /// Opens the log and starts its thread.
    ///
    /// - Parameters:
    ///   - group: The loops that add lines.
    ///   - destination: Where they go.
    ///   - name: What the log is called where it says that lines were dropped.
    ///   - maximumWaitingBytes: How much may wait for the thread. One loop hands over 64 KiB at a time at the most, or one line.
    /// - Throws: `IOError` if a file cannot be opened.
    public init(
        _ group: any EventLoopGroup, to destination: LogDestination, name: String = "the log", maximumWaitingBytes: Int = 4 * 1024 * 1024
    ) throws {
        let writer = LineWriter(try destination.open(), name: name, maximumWaitingBytes: maximumWaitingBytes)
        self.writer = writer
        self.locals = LoopLocal(group) { LocalLineLog(loop: $0, writer: writer) }
    }

    deinit { self.writer.close(saying: "", givingUpAt: .now() + .seconds(10)) {} }

    /// The lines of a loop. On that loop only.
    public subscript(loop: any EventLoop) -> LocalLineLog { self.locals[loop] }

    /// Adds a line from any thread. For the few that no loop has to say: it takes a lock.
    public func add(_ line: String) { self.writer.add(ByteBuffer(string: line + "\n"), lines: 1) }

    /// What became of the lines up to now. May be called on any thread.
    public var statistics: Statistics { self.writer.statistics }

    /// Writes what waits, then some last words, and ends the thread. What is added later is dropped, as is what loops have not
    /// handed over: call it when nothing runs on them any more that has something to say. May be called on any thread, once.
    ///
    /// - Parameters:
    ///   - lastWords: The last line, if it is not empty.
    ///   - time: How long this may take. Where nobody reads the log, what is left then is dropped.
    /// - Returns: Succeeds with what became of all lines, a second after that time at the latest. A future of the first loop.
    public func close(saying lastWords: String = "", within time: TimeAmount = .seconds(1)) -> EventLoopFuture<Statistics> {
        let loop = self.locals.loops[0]
        let closed = loop.makePromise(of: Statistics.self)
        let deadline = NIODeadline.now() + time
        // The thread looks at its deadline between two writes, and may be inside one for good: it ends with the process then.
        let timer = loop.scheduleTask(deadline: deadline + .seconds(1)) { closed.succeed(self.statistics) }
        self.writer.close(saying: lastWords, givingUpAt: deadline) {
            timer.cancel()
            closed.succeed(self.statistics)
        }
        return closed.futureResult
    }
}

/// The lines of one loop. Touch it on that loop only.
public final class LocalLineLog {
    /// More than this is not kept until the end of the pass.
    private static var maximumBytes: Int { 64 * 1024 }

    private let loop: any EventLoop
    private let writer: LineWriter
    private var bytes = ByteBuffer()
    private var lines = 0

    init(loop: any EventLoop, writer: LineWriter) {
        self.loop = loop
        self.writer = writer
    }

    /// Adds a line. It is handed over at the end of the loop's pass.
    ///
    /// - Parameter write: Writes what is in the line, without its end, behind what is there already. What a stranger chose belongs in
    ///   ``NIOCore/ByteBuffer/writeEscaped(_:maximumLength:)-(StringProtocol,_)``. It must not add another line.
    public func add(_ write: (inout ByteBuffer) -> Void) {
        self.loop.assertInEventLoop()
        if self.lines == 0 { self.loop.assumeIsolated().execute { self.handOver() } }
        write(&self.bytes)
        self.bytes.writeInteger(UInt8(ascii: "\n"))
        self.lines += 1
        if self.bytes.readableBytes >= Self.maximumBytes { self.handOver() }
    }

    /// Adds a line.
    public func add(_ line: String) { self.add { $0.writeString(line) } }

    private func handOver() {
        guard self.lines > 0 else { return }
        self.writer.add(self.bytes, lines: self.lines)
        // The writer copies: the room is used again.
        self.bytes.clear()
        self.lines = 0
    }
}
