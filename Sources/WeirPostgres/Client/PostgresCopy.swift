public import NIOCore
import WeirPostgresWire

/// Copies in and out, streamed, in whatever format the statement asks for: its bytes are passed on as they are.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-COPY>.
extension PostgresConnection {
    /// Runs a `COPY … FROM STDIN`: what the body writes goes to the server, and when it returns the copy is done. When it throws, or the task
    /// is cancelled, the copy fails and nothing of it stays.
    ///
    /// - Parameters:
    ///   - sql: the statement; it takes no parameters.
    ///   - deadline: for the whole of it; none unless given.
    ///   - body: runs on this loop.
    /// - Returns: how many rows were copied.
    /// - Throws: what the body throws; ``PostgresError``.
    @discardableResult
    public func copyIn(
        _ sql: String, deadline: NIODeadline = .distantFuture, file: StaticString = #fileID, line: UInt32 = #line,
        _ body: (PostgresCopyWriter) async throws -> Void
    ) async throws -> UInt64 {
        self.loop.preconditionInEventLoop()
        let writer = PostgresCopyWriter(self)
        do throws(PostgresError) {
            try await writer.begin(sql, deadline: deadline)
        } catch {
            throw error.at(file, line)
        }
        do {
            try await body(writer)
            try Task.checkCancellation()
        } catch {
            // The server's own reason, if that is why it was given up.
            let failure = await writer.fail()
            if let error = error as? PostgresError, error.code == .busy, let failure { throw failure.at(file, line) }
            throw error
        }
        do throws(PostgresError) { return try await writer.finish() } catch { throw error.at(file, line) }
    }

    /// Runs a `COPY … TO STDOUT` and hands on what comes, piece by piece as the server sends it (a row each, in text and CSV), as it is taken.
    ///
    /// - Parameter deadline: for the whole of it; none unless given.
    public func copyOut(_ sql: String, deadline: NIODeadline = .distantFuture) -> PostgresCopySequence {
        let stream = PostgresStream<ByteBuffer>(self) { $0.readableBytes }
        stream.start(takeRow: { _, _ in }) { inlet in self.startCopyOut(sql, deadline: deadline, inlet) }
        return PostgresCopySequence(stream: stream)
    }

    private func startCopyOut(_ sql: String, deadline: NIODeadline, _ inlet: PostgresStream<ByteBuffer>.Inlet) -> PostgresTicket {
        let number = self.nextNumber()
        self.sendSimple(
            sql, deadline: deadline, number: number, answer: PostgresAnswer(receiver: inlet, tag: 0),
            special: PostgresCopyOutReceiver(inlet))
        return PostgresTicket(number: number)
    }
}

private final class PostgresCopyOutReceiver: PostgresSpecialReceiver {
    private let inlet: PostgresStream<ByteBuffer>.Inlet
    init(_ inlet: PostgresStream<ByteBuffer>.Inlet) { self.inlet = inlet }
    var takesCopies: Bool { true }
    func postgresCopyData(_ data: ByteBuffer) { self.inlet.stream?.take(data) }
}

/// What a `COPY … TO STDOUT` sends, on its connection's loop. As ``PostgresRowSequence``, of bytes.
public struct PostgresCopySequence: AsyncSequence {
    public typealias Element = ByteBuffer
    public typealias Failure = PostgresError

    let stream: PostgresStream<ByteBuffer>

    public func makeAsyncIterator() -> Iterator { Iterator(stream: self.stream) }

    public struct Iterator: AsyncIteratorProtocol {
        let stream: PostgresStream<ByteBuffer>

        /// The next piece; nil at the end. On the connection's loop only.
        public func next() async throws(PostgresError) -> ByteBuffer? { try await self.stream.next() }
    }
}

/// Takes what is to be copied. Good only inside of the body that it was handed to, on its connection's loop.
public final class PostgresCopyWriter: PostgresReceiver, PostgresSpecialReceiver {
    private enum State {
        case beginning
        case copying
        case ended(Result<PostgresCommandTag, PostgresError>)
    }

    private let connection: PostgresConnection
    private var state = State.beginning
    private var continuation: UnsafeContinuation<Void, Never>?
    private var ticket: PostgresTicket?

    init(_ connection: PostgresConnection) { self.connection = connection }

    /// Sends bytes; waits while the server takes no more.
    ///
    /// - Throws: ``PostgresError`` when the server has ended the copy or the connection is lost; ``PostgresError/Code/cancelled``.
    public func write(_ bytes: ByteBuffer) async throws(PostgresError) {
        self.connection.loop.preconditionInEventLoop()
        guard case .copying = self.state else { throw PostgresError(.busy, "the copy is over") }
        var rest = bytes
        // In pieces, so that a server that is slow holds the writer and not the memory.
        while rest.readableBytes > 0 {
            guard let piece = rest.readSlice(length: min(rest.readableBytes, Self.longestPiece)) else { break }
            var message = ByteBuffer()
            message.reserveCapacity(piece.readableBytes + 5)
            do throws(PostgresWireError) {
                try PostgresFrontend.CopyData(data: piece).write(into: &message)
            } catch {
                throw PostgresError(.notEncodable, "the data cannot be sent", cause: error)
            }
            if self.connection.writeCopy(message) { continue }
            await self.wait(isCancellable: true) { self.connection.isWritable || !self.connection.isUsable }
            if Task.isCancelled { throw PostgresError(.cancelled, "the task was cancelled") }
            guard case .copying = self.state else { throw PostgresError(.busy, "the server has ended the copy") }
        }
    }

    private static var longestPiece: Int { 256 * 1024 }

    // MARK: The copy's life

    /// The server has not said yet that it takes data, and nobody that it is not wanted any more.
    var isBeginning: Bool { if case .beginning = self.state { true } else { false } }

    func begin(_ sql: String, deadline: NIODeadline) async throws(PostgresError) {
        let number = self.connection.nextNumber()
        self.connection.sendSimple(
            sql, deadline: deadline, number: number, answer: PostgresAnswer(receiver: self, tag: 0), special: self)
        self.ticket = PostgresTicket(number: number)
        await self.wait(isCancellable: true) { !self.isBeginning }
        if self.isBeginning, let ticket { self.connection.cancel(ticket) }
        if case .ended(let result) = self.state {
            _ = try result.get()
            throw PostgresError(.unexpectedResult, "the statement was no copy from here", mayHaveRun: true)
        }
    }

    func finish() async throws(PostgresError) -> UInt64 {
        if case .copying = self.state {
            var message = ByteBuffer()
            try? PostgresFrontend.CopyDone().write(into: &message)
            _ = self.connection.writeCopy(message)
        }
        return try await self.ended().affectedRows ?? 0
    }

    /// - Returns: the server's reason, if it had one of its own.
    func fail() async -> PostgresError? {
        var isOurs = false
        if case .copying = self.state {
            isOurs = true
            var message = ByteBuffer()
            try? PostgresFrontend.CopyFail(reason: "the client has given up").write(into: &message)
            _ = self.connection.writeCopy(message)
        }
        let timer = self.scheduleEnd()
        defer { timer.cancel() }
        do throws(PostgresError) {
            _ = try await self.ended()
            return nil
        } catch {
            return isOurs ? nil : error
        }
    }

    /// A server that takes nothing any more does not answer, either.
    private func scheduleEnd() -> Scheduled<Void> {
        let connection = self.connection
        return connection.loop.assumeIsolated().scheduleTask(in: connection.configuration.cancelTimeout) {
            connection.end(.connectionLost, "the server did not end a copy that was given up")
        }
    }

    private func ended() async throws(PostgresError) -> PostgresCommandTag {
        await self.wait { if case .ended = self.state { true } else { false } }
        guard case .ended(let result) = self.state else { preconditionFailure("a copy has ended and has not") }
        return try result.get()
    }

    /// - Parameter isCancellable: whether it ends with the task; what the server has been told to do is heard of by its answer only.
    private func wait(isCancellable: Bool = false, _ isOver: () -> Bool) async {
        let bound = NIOLoopBound(self, eventLoop: self.connection.loop)
        while !isOver(), !(isCancellable && Task.isCancelled) {
            self.connection.onWritable = { [weak self] in self?.wake() }
            await withTaskCancellationHandler {
                await withUnsafeContinuation { self.continuation = $0 }
            } onCancel: {
                if isCancellable { bound.eventLoop.execute { bound.value.wake() } }
            }
        }
        self.connection.onWritable = nil
    }

    private func wake() { self.continuation.take()?.resume() }

    func postgresCopyIn() {
        self.state = .copying
        self.connection.isCopying = true
        self.wake()
    }

    public func postgresRow(_ row: PostgresRow, tag: UInt64) {}
    public func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) { self.end(.success(command)) }
    public func postgresFailed(_ error: PostgresError, tag: UInt64) { self.end(.failure(error)) }

    private func end(_ result: Result<PostgresCommandTag, PostgresError>) {
        self.connection.isCopying = false
        self.state = .ended(result)
        self.wake()
    }

}
