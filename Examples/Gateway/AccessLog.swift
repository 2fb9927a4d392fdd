import NIOCore
import NIOPosix
import Synchronization
import WeirCore

/// One line for each request on standard output.
///
/// Each loop collects its lines and hands them over once at the end of its pass; a thread of its own writes them, so that a slow
/// reader of the log slows no request. What waits is bounded: lines beyond it are dropped, and their number is written.
final class AccessLog: Sendable {
    private static let maximumWaitingBytes = 4 * 1024 * 1024

    let isOn: Bool
    private let locals: LoopLocal<LocalAccessLog>
    private let writer: Writer

    init(group: any EventLoopGroup, isOn: Bool) {
        self.isOn = isOn
        let writer = Writer(maximumWaitingBytes: Self.maximumWaitingBytes)
        self.writer = writer
        self.locals = LoopLocal(group) { LocalAccessLog(loop: $0, writer: writer) }
    }

    /// Nil if there is no log. On the loop only.
    func local(_ loop: any EventLoop) -> LocalAccessLog? { self.isOn ? self.locals[loop] : nil }

    /// Writes what waits, and this last, and ends. Where nobody reads standard output it gives up after a second.
    func close(saying text: String) async { await self.writer.close(saying: text, on: self.locals.loops[0]) }
}

/// The lines of one loop. On that loop only.
final class LocalAccessLog {
    private let loop: any EventLoop
    private let writer: Writer
    private var lines = ByteBuffer()

    fileprivate init(loop: any EventLoop, writer: Writer) {
        self.loop = loop
        self.writer = writer
    }

    /// Adds a line, like `127.0.0.1:40112 "GET /kv/a HTTP/1.1" 200 5 0.412 ms`. The target is escaped and cut: a client chose it.
    func add(client: String, method: String, target: String, status: Int, bytes: Int, duration: TimeAmount, wasCut: Bool) {
        if self.lines.readableBytes == 0 {
            self.loop.assumeIsolated().execute {
                self.writer.write(self.lines)
                self.lines = ByteBuffer()
            }
        }
        self.lines.writeString(client)
        self.lines.writeStaticString(" \"")
        self.lines.writeString(method)
        self.lines.writeStaticString(" ")
        self.writeEscaped(target)
        self.lines.writeStaticString("\" ")
        self.lines.writeString(String(status))
        self.lines.writeStaticString(" ")
        self.lines.writeString(String(bytes))
        self.lines.writeStaticString(" ")
        let microseconds = duration.nanoseconds / 1000
        self.lines.writeString("\(microseconds / 1000).\(String(microseconds % 1000 + 1000).dropFirst()) ms")
        self.lines.writeStaticString(wasCut ? " cut\n" : "\n")
    }

    private func writeEscaped(_ text: String) {
        for byte in text.utf8.prefix(256) {
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                self.lines.writeInteger(byte)
            } else {
                self.lines.writeString("\\x" + String(UInt(byte) + 256, radix: 16).dropFirst())
            }
        }
        if text.utf8.count > 256 { self.lines.writeStaticString("...") }
    }
}

/// The thread that writes.
private final class Writer: Sendable {
    private static let maximumCloseTime = TimeAmount.seconds(1)

    private let maximumWaitingBytes: Int
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let waitingBytes = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)

    init(maximumWaitingBytes: Int) {
        self.maximumWaitingBytes = maximumWaitingBytes
        self.pool.start()
    }

    func write(_ lines: ByteBuffer) {
        let count = lines.readableBytes
        guard self.waitingBytes.add(count, ordering: .relaxed).newValue <= self.maximumWaitingBytes else {
            self.waitingBytes.subtract(count, ordering: .relaxed)
            self.dropped.add(lines.readableBytesView.count { $0 == UInt8(ascii: "\n") }, ordering: .relaxed)
            return
        }
        self.pool.submit { _ in
            let dropped = self.dropped.exchange(0, ordering: .relaxed)
            if dropped > 0 { Console.out("\(dropped) lines of the access log were dropped\n") }
            Console.out(lines)
            self.waitingBytes.subtract(count, ordering: .relaxed)
        }
    }

    func close(saying text: String, on loop: any EventLoop) async {
        // The queue is first in, first out: when this has run, everything before it is written.
        let written = self.pool.runIfActive(eventLoop: loop) { Console.out(text) }.map { true }
        let isWritten = loop.makePromise(of: Bool.self)
        let timer = loop.scheduleTask(in: Self.maximumCloseTime) { isWritten.succeed(false) }
        written.cascade(to: isWritten)
        // The thread may be inside its write for good: it ends with the process then.
        guard (try? await isWritten.futureResult.get()) == true else { return }
        timer.cancel()
        try? await self.pool.shutdownGracefully()
    }
}
