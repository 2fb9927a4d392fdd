public import NIOCore
import WeirCore
import WeirPostgresWire

/// Statements on a connection of one's own, in their order: the next one is sent without waiting for the one before.
extension PostgresConnection: PostgresQuerying {
    public var loop: any EventLoop { self.loopContext.loop }

    @discardableResult
    public func send(_ query: PostgresQuery, deadline: NIODeadline?, tag: UInt64, to receiver: any PostgresReceiver) -> PostgresTicket? {
        let number = self.nextNumber()
        let deadline = deadline ?? self.loopContext.passTime + self.configuration.statementTimeout
        self.send(query, deadline: deadline, number: number, answer: PostgresAnswer(receiver: receiver, tag: tag))
        return PostgresTicket(number: number)
    }

    /// As ``send(_:deadline:tag:to:)``, with the parameters straight into the connection's write buffer: nothing is allocated.
    @inlinable
    @discardableResult
    public func send<each Parameter: PostgresEncodable>(
        _ sql: String, _ parameter: repeat each Parameter, deadline: NIODeadline, tag: UInt64 = 0, to receiver: any PostgresReceiver
    ) -> PostgresTicket? {
        self.send(sql, repeat each parameter, deadline: deadline, number: self.nextNumber(), tag: tag, to: receiver)
    }

    @inlinable
    func send<each Parameter: PostgresEncodable>(
        _ sql: String, _ parameter: repeat each Parameter, deadline: NIODeadline, number: UInt64, tag: UInt64,
        to receiver: any PostgresReceiver
    ) -> PostgresTicket? {
        if let error = self.refusal(deadline) {
            receiver.postgresFailed(error, tag: tag)
            return nil
        }
        self.state.pointee.encoder.begin()
        repeat self.state.pointee.encoder.declare((each parameter).postgresType, (each parameter).postgresFormat)
        do throws(PostgresError) {
            try self.state.pointee.encoder.beginBind(sql)
        } catch {
            receiver.postgresFailed(error, tag: tag)
            return nil
        }
        do throws(PostgresEncodingError) {
            repeat try self.state.pointee.encoder.add(each parameter)
        } catch {
            self.state.pointee.encoder.takeBack()
            receiver.postgresFailed(PostgresError(.notEncodable, "a parameter cannot be encoded", cause: error), tag: tag)
            return nil
        }
        self.sendBound(deadline, number: number, tag: tag, receiver: receiver)
        return PostgresTicket(number: number)
    }

    @discardableResult
    public func cancel(_ ticket: PostgresTicket) -> Bool {
        self.abandon(ticket.number) { PostgresError(.cancelled, "the statement was cancelled", mayHaveRun: $0) }
    }

    /// Runs statements in one text without parameters, and collects the result of each: the simple protocol. They are one transaction
    /// unless they begin and end others. Values come as text.
    ///
    /// - Returns: on this loop; fails with a ``PostgresError`` by the first that fails.
    public func simpleQuery(
        _ sql: String, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line
    ) -> EventLoopFuture<[PostgresResult]> {
        let promise = self.loop.makePromise(of: [PostgresResult].self)
        let collector = PostgresSimpleCollector(limits: self.configuration.collectorLimits) { result in
            switch result {
            case .success(let results): promise.succeed(results)
            case .failure(let error): promise.fail(error.at(file, line))
            }
        }
        self.sendSimple(
            sql, deadline: deadline ?? self.loopContext.passTime + self.configuration.statementTimeout, number: self.nextNumber(),
            answer: PostgresAnswer(receiver: collector, tag: 0), special: collector)
        return promise.futureResult
    }
}

/// Collects the results of statements in one text.
final class PostgresSimpleCollector: PostgresReceiver, PostgresSpecialReceiver {
    private var results: [PostgresResult] = []
    private var rows: [PostgresRow] = []
    private var limits: PostgresCollector.Limits
    private var isTooLarge = false
    private let whenDone: (Result<[PostgresResult], PostgresError>) -> Void

    init(limits: PostgresCollector.Limits, _ whenDone: @escaping (Result<[PostgresResult], PostgresError>) -> Void) {
        self.limits = limits
        self.whenDone = whenDone
    }

    func postgresRow(_ row: PostgresRow, tag: UInt64) {
        self.limits.rows -= 1
        self.limits.bytes -= row.byteCount
        if self.limits.rows < 0 || self.limits.bytes < 0 { self.isTooLarge = true }
        if self.isTooLarge { self.rows = [] } else { self.rows.append(row) }
    }

    func postgresResultEnded(_ command: PostgresCommandTag) {
        // A text may have any number of statements, and each counts as a row.
        self.limits.rows -= 1
        if self.limits.rows < 0 { self.isTooLarge = true }
        if !self.isTooLarge { self.results.append(PostgresResult(rows: self.rows, command: command)) }
        self.rows = []
    }

    func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) {
        if self.isTooLarge {
            self.whenDone(.failure(PostgresError(.resultTooLarge, "the results are larger than may be collected", mayHaveRun: true)))
        } else {
            self.whenDone(.success(self.results))
        }
    }

    func postgresFailed(_ error: PostgresError, tag: UInt64) { self.whenDone(.failure(error)) }
}
