import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import WeirServer

@Suite struct LineLogTests {
    // MARK: Lines

    @Test func whatStrangersChooseStaysOnItsLine() {
        func escaped(_ text: String, maximumLength: Int = 256) -> String {
            var line = ByteBuffer(string: "[")
            line.writeEscaped(text, maximumLength: maximumLength)
            return String(buffer: line) + "]"
        }
        #expect(escaped("/kv/a?b=%20~") == "[/kv/a?b=%20~]")
        #expect(escaped("a b\r\n\"\\\u{7F}\u{0}") == "[a\\x20b\\x0d\\x0a\\x22\\x5c\\x7f\\x00]")
        #expect(escaped("é") == "[\\xc3\\xa9]")
        #expect(escaped("") == "[]")
        #expect(escaped("abcd", maximumLength: 4) == "[abcd]")
        #expect(escaped("abcde", maximumLength: 4) == "[abcd...]")
        #expect(escaped("ééé", maximumLength: 3) == "[\\xc3\\xa9\\xc3...]")
        var line = ByteBuffer()
        line.writeEscaped(ByteBuffer(bytes: [0, 255, 65]).readableBytesView, maximumLength: 2)
        #expect(String(buffer: line) == "\\x00\\xff...")
    }

    @Test func writesEveryLineOfEveryLoopInItsOrder() async throws {
        let path = temporaryPath()
        defer { unlink(path) }
        try await withLoops(4) { group in
            let log = try LineLog(group, to: .file(path: path))
            let loops = Array(group.makeIterator())
            let added = loops.enumerated().map { number, loop in
                Self.addInPasses(5000, to: log, on: loop, perPass: 7) { "\(number) \($0)" }
            }
            log.add("from outside")
            for future in added { try await future.boundedGet() }
            // Those of the last pass are handed over after it.
            for loop in loops { try await loop.submit {}.boundedGet() }
            let statistics = try await log.close(saying: "last words").boundedGet()
            #expect(statistics == LineLog.Statistics(written: 20_002, dropped: 0, waiting: 0))
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 20_002 && lines.last == "last words" && lines.contains("from outside"))
            for number in loops.indices {
                #expect(lines.filter { $0.hasPrefix("\(number) ") }.elementsEqual((0..<5000).map { "\(number) \($0)" }) { $0 == $1 })
            }
            // It is closed.
            try await loops[0].submit { log[loops[0]].add("late") }.boundedGet()
            try await wait { log.statistics.dropped == 1 }
            log.add("later")
            #expect(log.statistics == LineLog.Statistics(written: 20_002, dropped: 2, waiting: 0))
            // It appends.
            let second = try LineLog(group, to: .file(path: path))
            _ = try await second.close(saying: "again").boundedGet()
            #expect(try String(contentsOfFile: path, encoding: .utf8).hasSuffix("\nlast words\nagain\n"))
        }
    }

    /// What one pass adds is bounded, too.
    @Test func onePassCannotFillTheMemory() async throws {
        let path = temporaryPath()
        defer { unlink(path) }
        try await withLoops(1) { group in
            let log = try LineLog(group, to: .file(path: path), maximumWaitingBytes: 200_000)
            let loop = group.next()
            try await loop.submit {
                for _ in 0..<10_000 { log[loop].add(String(repeating: "x", count: 999)) }
                log[loop].add(String(repeating: "x", count: 1_000_000))
            }.boundedGet()
            let statistics = try await log.close(within: .seconds(30)).boundedGet()
            #expect(statistics.written + statistics.dropped == 10_001 && statistics.waiting == 0 && statistics.dropped >= 1)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let notices = Notices(text)
            #expect(notices.lines.allSatisfy { $0.utf8.count == 999 } && notices.lines.count == statistics.written)
            #expect(notices.dropped == statistics.dropped)
        }
    }

    // MARK: Readers

    /// A pipe that nobody reads: no loop waits, and what is missing is what it says it dropped.
    @Test func aReaderThatNeverComesHoldsNobodyUp() async throws {
        try await withLoops(2) { group in
            let pipe = try Pipe()
            let log = try LineLog(group, to: .descriptor(pipe.writing), name: "this log", maximumWaitingBytes: 64 * 1024)
            let loops = Array(group.makeIterator())
            let text = String(repeating: "x", count: 90)
            let added = loops.enumerated().map { number, loop in
                Self.addInPasses(20_000, to: log, on: loop, perPass: 3) { "\(number) \($0) \(text)" }
            }
            for future in added { try await future.boundedGet() }
            for loop in loops { try await loop.submit {}.boundedGet() }
            #expect(log.statistics.dropped > 0 && log.statistics.waiting > 0)
            _ = try await log.close(saying: "never heard", within: .milliseconds(50)).boundedGet()
            // At once, unless this machine stood still.
            try await wait { log.statistics.waiting == 0 }
            let statistics = log.statistics
            #expect(statistics.written + statistics.dropped == 40_001)
            // The pipe's own room was used.
            #expect(statistics.written > 100)
            pipe.closeWriting()
            #expect(Notices(await pipe.readToEnd()).lines.count == statistics.written)
        }
    }

    @Test(arguments: [false, true]) func aReaderThatComesLateIsToldWhatIsMissing(isNonBlocking: Bool) async throws {
        try await withLoops(1) { group in
            let pipe = try Pipe()
            // As a parent process may have left it.
            if isNonBlocking { #expect(fcntl(pipe.writing, F_SETFL, O_NONBLOCK) == 0) }
            let log = try LineLog(group, to: .descriptor(pipe.writing), name: "this log", maximumWaitingBytes: 64 * 1024)
            let loop = group.next()
            let text = String(repeating: "x", count: 5000)
            try await Self.addInPasses(1000, to: log, on: loop, perPass: 1) { "\($0) \(text)" }.boundedGet()
            #expect(log.statistics.dropped > 0)
            async let read = pipe.readToEnd()
            try await wait { log.statistics.waiting == 0 }
            try await Self.addInPasses(10, to: log, on: loop, perPass: 1) { "\($0) after" }.boundedGet()
            let statistics = try await log.close(saying: "end", within: .seconds(30)).boundedGet()
            #expect(statistics.written + statistics.dropped == 1011)
            pipe.closeWriting()
            let notices = Notices(await read)
            #expect(notices.lines.count == statistics.written && notices.dropped == statistics.dropped)
            #expect(notices.lines.suffix(11) == (0..<10).map { "\($0) after" } + ["end"])
            // Every line is whole.
            #expect(notices.lines.dropLast(11).allSatisfy { $0.hasSuffix(" \(text)") })
        }
    }

    @Test func aReaderThatIsGoneEndsNoProcess() async throws {
        try await withLoops(1) { group in
            let pipe = try Pipe()
            let log = try LineLog(group, to: .descriptor(pipe.writing))
            pipe.closeReading()
            try await Self.addInPasses(1000, to: log, on: group.next(), perPass: 10) { "\($0)" }.boundedGet()
            let statistics = try await log.close(saying: "end").boundedGet()
            #expect(statistics == LineLog.Statistics(written: 0, dropped: 1001, waiting: 0))
            pipe.closeWriting()
        }
    }

    #if os(Linux)
        @Test func aFullDiskLosesOnlyWhatItSays() async throws {
            try await withLoops(1) { group in
                let log = try LineLog(group, to: .file(path: "/dev/full"))
                try await Self.addInPasses(100, to: log, on: group.next(), perPass: 10) { "\($0)" }.boundedGet()
                let statistics = try await log.close().boundedGet()
                #expect(statistics == LineLog.Statistics(written: 0, dropped: 100, waiting: 0))
            }
        }
    #endif

    @Test func whatCannotBeOpenedIsAnError() async throws {
        try await withLoops(1) { group in
            #expect(throws: IOError.self) { try LineLog(group, to: .file(path: "/nowhere/at/all")) }
            // A named pipe without a reader is not waited for.
            let path = temporaryPath()
            #expect(mkfifo(path, 0o600) == 0)
            #expect(throws: IOError.self) { try LineLog(group, to: .file(path: path)) }
            unlink(path)
        }
    }

    @Test func aLogThatNobodyClosedEndsByItself() async throws {
        let pipe = try Pipe()
        try await withLoops(1) { group in
            let log = try LineLog(group, to: .descriptor(pipe.writing))
            log.add("one")
        }
        #expect(await pipe.readLine() == "one\n")
        pipe.closeWriting()
        #expect(await pipe.readToEnd() == "")
    }

    @Test func aSecondCloseIsHarmless() async throws {
        let pipe = try Pipe()
        try await withLoops(1) { group in
            let log = try LineLog(group, to: .descriptor(pipe.writing))
            let first = log.close(saying: "end")
            let second = log.close(saying: "end again", within: .zero)
            #expect(try await first.boundedGet().written == 1)
            #expect(try await second.boundedGet().written == 1)
        }
        pipe.closeWriting()
        #expect(await pipe.readToEnd() == "end\n")
    }

    @Test func programsSayTheirLastWordsAtOnce() async throws {
        let pipe = try Pipe()
        LogDestination.descriptor(pipe.writing).write("Gateway: no\n")
        pipe.closeWriting()
        #expect(await pipe.readToEnd() == "Gateway: no\n")
    }

    // MARK: Support

    /// Adds lines, so many in one pass of the loop; done when all are added.
    private static func addInPasses(
        _ count: Int, to log: LineLog, on loop: any EventLoop, perPass: Int, line: @escaping @Sendable (Int) -> String
    ) -> EventLoopFuture<Void> {
        let done = loop.makePromise(of: Void.self)
        @Sendable func add(from first: Int) {
            let local = log[loop]
            for number in first..<min(first + perPass, count) { local.add(line(number)) }
            guard first + perPass < count else {
                // Behind what the last lines have the loop do.
                loop.execute { done.succeed() }
                return
            }
            loop.execute { add(from: first + perPass) }
        }
        loop.execute { add(from: 0) }
        return done.futureResult
    }

    /// What was written, without what it says about lines that were not.
    private struct Notices {
        var lines: [Substring] = []
        var dropped = 0

        init(_ text: String) {
            // What broke off is no line.
            let whole = text.hasSuffix("\n") ? text[...] : text[..<(text.lastIndex(of: "\n") ?? text.startIndex)]
            for line in whole.split(separator: "\n") {
                if line.hasSuffix("were dropped"), let number = line.split(separator: " ").first.flatMap({ Int($0) }) {
                    self.dropped += number
                } else {
                    self.lines.append(line)
                }
            }
        }
    }

    private final class Pipe: Sendable {
        let reading: CInt
        let writing: CInt

        init() throws {
            var ends: [CInt] = [0, 0]
            guard pipe(&ends) == 0 else { throw IOError(errnoCode: errno, reason: "pipe") }
            self.reading = ends[0]
            self.writing = ends[1]
        }

        func closeWriting() { close(self.writing) }
        func closeReading() { close(self.reading) }

        func readLine() async -> String {
            await self.onItsOwnThread {
                var line: [UInt8] = []
                var byte: UInt8 = 0
                while line.last != UInt8(ascii: "\n"), read(self.reading, &byte, 1) == 1 { line.append(byte) }
                return String(decoding: line, as: UTF8.self)
            }
        }

        /// And closes.
        func readToEnd() async -> String {
            await self.onItsOwnThread {
                var all: [UInt8] = []
                var piece = [UInt8](repeating: 0, count: 64 * 1024)
                while case let count = read(self.reading, &piece, piece.count), count > 0 { all += piece[..<count] }
                close(self.reading)
                return String(decoding: all, as: UTF8.self)
            }
        }

        /// The threads of tasks are few: with all of them inside a read, what is to be written would wait for them.
        private func onItsOwnThread(_ body: @escaping @Sendable () -> String) async -> String {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread { continuation.resume(returning: body()) }
            }
        }
    }
}
