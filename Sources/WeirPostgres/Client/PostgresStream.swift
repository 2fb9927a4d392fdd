public import NIOCore
public import WeirPool
import WeirPostgresWire

/// The rows of one statement as they come, on its connection's loop.
///
/// What is not taken stays with the server: when a few hundred rows wait, or a megabyte, the socket is not read until they were taken. One
/// that is dropped before its end is cancelled on the server.
public struct PostgresRowSequence: AsyncSequence {
    public typealias Element = PostgresRow
    public typealias Failure = PostgresError

    let stream: PostgresStream<PostgresRow>

    public func makeAsyncIterator() -> Iterator { Iterator(stream: self.stream) }

    public struct Iterator: AsyncIteratorProtocol {
        let stream: PostgresStream<PostgresRow>

        /// The next row; nil at the end. On the connection's loop only.
        ///
        /// - Throws: ``PostgresError``, after the rows that came before it.
        public func next() async throws(PostgresError) -> PostgresRow? { try await self.stream.next() }
    }
}

/// Holds what was not taken yet of what one statement sends. Belongs to one loop.
final class PostgresStream<Element> {
    private var waiting = CircularBuffer<Element>()
    private var waitingBytes = 0
    private var result: Result<Void, PostgresError>?
    private var continuation: UnsafeContinuation<Void, Never>?
    private let connection: PostgresConnection
    private let byteCount: (Element) -> Int
    private var ticket: PostgresTicket?

    /// What waits before the socket is left alone, and what is left when it is read again.
    private static var high: (count: Int, bytes: Int) { (512, 1 << 20) }
    private static var low: (count: Int, bytes: Int) { (128, 1 << 18) }

    init(_ connection: PostgresConnection, byteCount: @escaping (Element) -> Int) {
        self.connection = connection
        self.byteCount = byteCount
    }

    deinit {
        // Nobody will take the rest.
        if self.result == nil, let ticket { self.connection.cancel(ticket) }
        self.connection.resume()
    }

    /// Held by the connection in place of the stream, so that one who is dropped can be told from one who waits.
    final class Inlet: PostgresReceiver {
        private(set) weak var stream: PostgresStream?
        private let takeRow: (PostgresStream, PostgresRow) -> Void

        init(_ stream: PostgresStream, _ takeRow: @escaping (PostgresStream, PostgresRow) -> Void) {
            self.stream = stream
            self.takeRow = takeRow
        }

        func postgresRow(_ row: PostgresRow, tag: UInt64) { if let stream { self.takeRow(stream, row) } }
        func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) { self.stream?.end(.success(())) }
        func postgresFailed(_ error: PostgresError, tag: UInt64) { self.stream?.end(.failure(error)) }
    }

    /// - Parameters:
    ///   - takeRow: what becomes of a row.
    ///   - send: sends the statement, whose answer goes to the inlet.
    func start(takeRow: @escaping (PostgresStream, PostgresRow) -> Void, _ send: (Inlet) -> PostgresTicket?) {
        self.ticket = send(Inlet(self, takeRow))
    }

    func next() async throws(PostgresError) -> Element? {
        self.connection.loop.preconditionInEventLoop()
        while self.waiting.isEmpty {
            if let result {
                try result.get()
                return nil
            }
            let bound = NIOLoopBound(self, eventLoop: self.connection.loop)
            await withTaskCancellationHandler {
                await withUnsafeContinuation { self.continuation = $0 }
            } onCancel: {
                bound.eventLoop.execute { bound.value.taskCancelled() }
            }
        }
        let element = self.waiting.removeFirst()
        self.waitingBytes -= self.byteCount(element)
        if self.connection.isPaused, self.waiting.count <= Self.low.count, self.waitingBytes <= Self.low.bytes { self.connection.resume() }
        return element
    }

    private func taskCancelled() {
        guard self.result == nil, let ticket else { return }
        self.connection.resume()
        self.connection.cancel(ticket)
    }

    func take(_ element: Element) {
        guard self.result == nil else { return }
        self.waiting.append(element)
        self.waitingBytes += self.byteCount(element)
        if self.waiting.count >= Self.high.count || self.waitingBytes >= Self.high.bytes { self.connection.pause() }
        self.continuation.take()?.resume()
    }

    private func end(_ result: Result<Void, PostgresError>) {
        guard self.result == nil else { return }
        self.result = result
        self.continuation.take()?.resume()
    }
}

extension PostgresConnection {
    /// Runs a statement and hands on its rows as they are taken. Other statements of the connection wait until they all were.
    ///
    /// - Parameter deadline: for the whole of it, however slowly rows are taken; none unless given.
    public func rows(_ query: PostgresQuery, deadline: NIODeadline = .distantFuture) -> PostgresRowSequence {
        let stream = PostgresStream<PostgresRow>(self) { $0.byteCount }
        stream.start(takeRow: { $0.take($1) }) { inlet in self.send(query, deadline: deadline, tag: 0, to: inlet) }
        return PostgresRowSequence(stream: stream)
    }
}

extension LocalPostgres {
    /// Runs a statement on a connection of its own and hands on its rows as they are taken.
    ///
    /// - Parameters:
    ///   - deadline: for the whole of it; none unless given.
    ///   - body: runs on this loop.
    public func withRows<Success>(
        _ query: PostgresQuery, owner: Owner = .none, deadline: NIODeadline = .distantFuture, file: StaticString = #fileID,
        line: UInt32 = #line, _ body: (PostgresRowSequence) async throws -> Success
    ) async throws -> Success {
        try await self.withConnection(owner: owner, deadline: deadline == .distantFuture ? nil : deadline, file: file, line: line) {
            connection in try await body(connection.rows(query, deadline: deadline))
        }
    }
}
