import NIOCore
import NIOPosix
import Testing
import WeirCore
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// `async` on the loop: awaits, cancellation, and where it may not be used.
@Suite struct RedisAsyncTests {
    /// Runs `body` on a loop, with a server that answers when the proxy lets it.
    private func onLoop(_ body: @escaping @Sendable (RedisPool, FaultProxy, any EventLoop) async throws -> Void) async throws {
        let server = try await EmbeddedRESPServer.start(on: testGroup).get()
        let proxy = try await FaultProxy.start(on: testGroup, to: server.address).get()
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: proxy.port), configuration: .patient) { (redis) async throws in
            let loop = testGroup.next()
            try await Task(executorPreference: loop.weirExecutor) { try await body(redis, proxy, loop) }.value
        }
        try await proxy.shutdown().get()
        try await server.shutdown().get()
    }

    @Test func awaitsStayOnTheLoop() async throws {
        try await self.onLoop { redis, _, loop in
            for index in 0..<100 {
                let key = ByteBuffer(string: "k\(index)")
                try await redis[loop].send(.set(key, to: key))
                loop.preconditionInEventLoop()
                let value = try await redis[loop].send(.get(key))
                loop.preconditionInEventLoop()
                #expect(value == key)
            }
            // Each of many at once gets its own.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        loop.preconditionInEventLoop()
                        let key = ByteBuffer(string: "k\(index)")
                        let value = try await redis[loop].send(.get(key))
                        #expect(value == key)
                        loop.preconditionInEventLoop()
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func errorsAreThrown() async throws {
        try await self.onLoop { redis, _, loop in
            do throws(RedisError) {
                _ = try await redis[loop].send(.raw("NOSUCH"))
                Issue.record("no error")
            } catch { #expect(error.code == .serverError && error.serverErrorKind == .error) }
            do throws(RedisError) {
                _ = try await redis[loop].send(.raw("BLPOP", "k", "0"))
                Issue.record("no error")
            } catch { #expect(error.code == .needsLease && !error.mayHaveRun) }
            do throws(RedisError) {
                try await redis[loop].send(RedisCommand<Void>(RedisCommand.raw("GET", "none").request, decode: RedisReplies.ok))
                Issue.record("no error")
            } catch { #expect(error.code == .unexpectedReply && error.mayHaveRun) }
        }
    }

    @Test func cancelledBeforeNothingIsSent() async throws {
        try await self.onLoop { redis, proxy, loop in
            _ = try await redis[loop].send(.raw("SET", "n", "0"))
            let task = Task(executorPreference: loop.weirExecutor) {
                while !Task.isCancelled { await Task.yield() }
                do throws(RedisError) {
                    _ = try await redis[loop].send(.raw("INCR", "n"))
                    return nil as RedisError?
                } catch { return error }
            }
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled && error?.mayHaveRun == false)
            let number = RESPValue(try await redis[loop].send(.raw("GET", "n")))
            #expect(number == .bulk("0"))
        }
    }

    @Test func cancelledWhileItWaitsItMayRunAndTheNextGetItsOwn() async throws {
        try await self.onLoop { redis, proxy, loop in
            _ = try await redis[loop].send(.raw("ECHO", "warm"))
            try await proxy.update { $0.stallsReplies = true }.get()
            let task = Task(executorPreference: loop.weirExecutor) {
                do throws(RedisError) {
                    _ = try await redis[loop].send(.raw("ECHO", "cancelled"))
                    return nil as RedisError?
                } catch { return error }
            }
            let after = Task(executorPreference: loop.weirExecutor) { RESPValue(try await redis[loop].send(.raw("ECHO", "after"))) }
            // Both are sent before the cancellation.
            while redis[loop].firstPipeline.pending < 2 { await Task.yield() }
            while redis[loop].firstPipeline.queue.hasUnsent { await Task.yield() }
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled && error?.mayHaveRun == true)
            try await proxy.update { $0.stallsReplies = false }.get()
            let next = try await after.value
            #expect(next == .bulk("after"))
        }
    }

    @Test func cancelledBeforeItIsSentItHasNotRun() async throws {
        try await self.onLoop { redis, proxy, loop in
            // No connection is made as long as the login is held up.
            try await proxy.update { $0.stallsReplies = true }.get()
            let task = Task(executorPreference: loop.weirExecutor) {
                do throws(RedisError) {
                    _ = try await redis[loop].send(.raw("SET", "ran", "1"))
                    return nil as RedisError?
                } catch { return error }
            }
            while redis[loop].firstPipeline.pending < 1 { await Task.yield() }
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled && error?.mayHaveRun == false)
            #expect(redis[loop].firstPipeline.pending == 0)
            try await proxy.update { $0.stallsReplies = false }.get()
            let value = try await redis[loop].send(.get("ran"))
            #expect(value == nil)
        }
    }

    @Test func cancelledAfterItsReplyItHasItsReply() async throws {
        try await self.onLoop { redis, _, loop in
            for index in 0..<200 {
                let task = Task(executorPreference: loop.weirExecutor) { () async -> Result<RESPValue, RedisError> in
                    do throws(RedisError) {
                        return .success(RESPValue(try await redis[loop].send(.raw("ECHO", "\(index)"))))
                    } catch { return .failure(error) }
                }
                // At any moment, also from another thread.
                for _ in 0..<(index % 20) { await Task.yield() }
                if index % 2 == 0 { task.cancel() } else { testGroup.next().execute { task.cancel() } }
                switch await task.value {
                case .success(let value): #expect(value == .bulk("\(index)"))
                case .failure(let error): #expect(error.code == .cancelled)
                }
            }
            let end = RESPValue(try await redis[loop].send(.raw("ECHO", "end")))
            #expect(end == .bulk("end"))
        }
    }

    @Test func awaitedOffTheLoopTheProcessStops() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let loop = testGroup.next()
            let pool = RedisPool(url: RedisURL(host: "127.0.0.1", port: 1), group: testGroup, pool: PoolConfiguration(maximum: 64))
            let redis = try await loop.submit { NIOLoopBound(pool[loop], eventLoop: loop) }.get()
            let stolen = try await loop.submit { UnsafeTransfer(redis.value) }.get()
            _ = try await stolen.value.send(.raw("GET", "k"))
        }
        let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(output.contains("awaited off its loop"))
    }
}

/// What no program should do.
private struct UnsafeTransfer<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
