import NIOCore
import NIOHTTP1
import NIOPosix
import Testing
import WeirHTTP
import WeirTestKit

@Suite struct BackPressureTests {
    /// Pauses after the head and counts what comes all the same.
    private final class Pausing: HTTPExchangeDelegate {
        var exchange: HTTPExchange?
        var received = 0
        var atPause = 0
        var pauses = 0
        let whole: EventLoopPromise<Int>

        init(_ whole: EventLoopPromise<Int>) { self.whole = whole }

        func exchangeStarted(_ exchange: HTTPExchange) {}
        func exchange(_ exchange: HTTPExchange, writabilityChanged isWritable: Bool) {}
        func exchange(_ exchange: HTTPExchange, received head: HTTPResponseHead) { self.pause(exchange) }

        func exchange(_ exchange: HTTPExchange, received bytes: ByteBuffer) {
            self.received += bytes.readableBytes
            // One read may still deliver what it brought, and no more.
            if exchange.isReadingPaused { #expect(self.received - self.atPause <= 128 * 1024) }
        }

        private func pause(_ exchange: HTTPExchange) {
            exchange.isReadingPaused = true
            self.pauses += 1
            self.atPause = self.received
            // Long enough for a server on the same machine to fill every buffer, if it were read from.
            exchange.pauseForTesting(.milliseconds(20)) { exchange.isReadingPaused = false }
        }

        func exchangeReadComplete(_ exchange: HTTPExchange) { if self.pauses < 10, !exchange.isReadingPaused { self.pause(exchange) } }
        func exchangeEnded(_ exchange: HTTPExchange, trailers: HTTPHeaders?) { self.whole.succeed(self.received) }
        func exchangeFailed(_ exchange: HTTPExchange, _ error: HTTPError) { self.whole.fail(error) }
    }

    @Test func aPausedExchangeReadsNothing() async throws {
        let upstream = try await EmbeddedUpstream.start(on: testGroup).get()
        try await withHTTP(port: upstream.port) { (pool) async throws in
            let loop = testGroup.any()
            let whole = loop.makePromise(of: Int.self)
            try await loop.submit {
                let delegate = Pausing(whole)
                delegate.exchange = try pool[loop].exchange(
                    HTTPRequestHead(version: .http1_1, method: .GET, uri: "/bytes/20000000"), delegate: delegate)
                // Held by this until it is over, as the exchange holds its delegate weakly.
                let bound = NIOLoopBound(delegate, eventLoop: loop)
                whole.futureResult.whenComplete { _ in #expect(bound.value.pauses == 10) }
            }.get()
            #expect(try await whole.futureResult.get() == 20_000_000)
        }
        try await upstream.shutdown().get()
    }

    /// Writes while it may and counts what it could write to a server that does not read.
    private final class Writing: HTTPExchangeDelegate {
        var written = 0
        let stopped: EventLoopPromise<Int>

        init(_ stopped: EventLoopPromise<Int>) { self.stopped = stopped }

        func exchangeStarted(_ exchange: HTTPExchange) { self.pump(exchange) }
        func exchange(_ exchange: HTTPExchange, writabilityChanged isWritable: Bool) { self.pump(exchange) }

        private func pump(_ exchange: HTTPExchange) {
            while exchange.isWritable, self.written < 1 << 30 {
                exchange.write(ByteBuffer(repeating: 0, count: 65_536))
                exchange.flush()
                self.written += 65_536
            }
        }

        func exchange(_ exchange: HTTPExchange, received head: HTTPResponseHead) {}
        func exchange(_ exchange: HTTPExchange, received bytes: ByteBuffer) {}
        func exchangeReadComplete(_ exchange: HTTPExchange) {}
        func exchangeEnded(_ exchange: HTTPExchange, trailers: HTTPHeaders?) { self.stopped.succeed(-1) }
        func exchangeFailed(_ exchange: HTTPExchange, _ error: HTTPError) {
            #expect(error.code == .idleTimeout)
            self.stopped.succeed(self.written)
        }
    }

    @Test func aServerThatDoesNotReadIsWrittenNoMoreThanTheSocketsHold() async throws {
        let upstream = try await EmbeddedUpstream.start(on: testGroup).get()
        let proxy = try await FaultProxy.start(on: testGroup, to: upstream.address).get()
        try await proxy.update { $0.stallsRequests = true }.get()
        var deadlines = HTTPDeadlines()
        deadlines.idle = .milliseconds(200)
        try await withHTTP(port: proxy.port, deadlines: deadlines) { (pool) async throws in
            let loop = testGroup.any()
            let stopped = loop.makePromise(of: Int.self)
            try await loop.submit {
                let delegate = Writing(stopped)
                _ = try pool[loop].exchange(
                    HTTPRequestHead(version: .http1_1, method: .POST, uri: "/echo"), body: .chunked, delegate: delegate)
                let bound = NIOLoopBound(delegate, eventLoop: loop)
                stopped.futureResult.whenComplete { _ in #expect(bound.value.written > 0) }
            }.get()
            let written = try await stopped.futureResult.get()
            // Of a gigabyte on offer only what the kernel buffers on loopback.
            #expect(written < 64 << 20)
        }
        try await proxy.shutdown().get()
        try await upstream.shutdown().get()
    }
}

extension HTTPExchange {
    fileprivate func pauseForTesting(_ time: TimeAmount, _ then: @escaping () -> Void) {
        // On the loop, as every call of a delegate is.
        MultiThreadedEventLoopGroup.currentEventLoop!.assumeIsolated().scheduleTask(in: time, then)
    }
}
