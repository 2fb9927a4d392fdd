import NIOCore
import WeirCore
import WeirPostgresWire
import WeirSockets

/// Statements go out in the order in which they are given; those of one pass of the loop share one write.
extension PostgresConnection {
    /// What can be said against another statement.
    @usableFromInline
    func refusal(_ deadline: NIODeadline) -> PostgresError? {
        if self.isClosed || self.context == nil { return PostgresError(.connectionLost, "the connection is closed") }
        if self.isCopying { return PostgresError(.busy, "a copy is under way on this connection") }
        if self.state.pointee.entries.count >= self.configuration.maximumPending
            || self.state.pointee.encoder.keptBytes >= self.configuration.maximumUnsentBytes
        {
            return PostgresError(.tooManyPending, "too many statements or bytes wait on this connection")
        }
        if deadline <= self.loopContext.passTime { return PostgresError(.timeout, "the deadline had passed before the statement was sent") }
        return nil
    }

    @usableFromInline
    func sendBound(
        _ deadline: NIODeadline, number: UInt64, tag: UInt64, receiver: any PostgresReceiver
    ) {
        self.enqueue(
            self.state.pointee.encoder.endBind(), deadline: deadline, number: number,
            answer: PostgresAnswer(receiver: receiver, tag: tag), special: nil)
    }

    func enqueue(
        _ written: PostgresEncoder.Written, deadline: NIODeadline, number: UInt64, answer: PostgresAnswer,
        special: (any PostgresSpecialReceiver)?
    ) {
        if written.statement.changesSession { self.isAltered = true }
        self.append(
            PostgresEntry(
                written, answer: answer, special: special, number: number, deadline: deadline, timer: self.arm(deadline, number)))
    }

    /// Sends a statement and its parameters.
    func send(
        _ query: PostgresQuery, deadline: NIODeadline, number: UInt64, answer: PostgresAnswer,
        special: (any PostgresSpecialReceiver)? = nil, maximumRows: Int32 = 0, portal: String = ""
    ) {
        if let error = self.refusal(deadline) { return answer.failed(error) }
        do throws(PostgresError) {
            let written = try self.encode(query.sql, query.parameters, maximumRows: maximumRows, portal: portal)
            self.enqueue(written, deadline: deadline, number: number, answer: answer, special: special)
        } catch {
            answer.failed(error)
        }
    }

    func encode(
        _ sql: String, _ parameters: PostgresParameters, maximumRows: Int32 = 0, isUnnamed: Bool = false, portal: String = "",
        resultFormat: PostgresFormat = .binary
    ) throws(PostgresError) -> PostgresEncoder.Written {
        if let error = parameters.error { throw PostgresError(.notEncodable, "a parameter cannot be encoded", cause: error) }
        self.state.pointee.encoder.begin()
        for (type, format) in zip(parameters.types, parameters.formats) { self.state.pointee.encoder.declare(type, format) }
        try self.state.pointee.encoder.beginBind(sql, isUnnamed: isUnnamed, portal: portal, resultFormat: resultFormat)
        do throws(PostgresEncodingError) {
            try self.state.pointee.encoder.add(encoded: parameters.values)
        } catch {
            self.state.pointee.encoder.takeBack()
            throw PostgresError(.notEncodable, "the parameters are too long", cause: error)
        }
        return self.state.pointee.encoder.endBind(maximumRows: maximumRows, portal: portal)
    }

    /// Sends statements in one text, which takes no parameters: the simple protocol.
    func sendSimple(
        _ sql: String, deadline: NIODeadline, number: UInt64, answer: PostgresAnswer, special: (any PostgresSpecialReceiver)?
    ) {
        if let error = self.refusal(deadline) { return answer.failed(error) }
        do throws(PostgresError) {
            try self.state.pointee.encoder.write { buffer throws(PostgresWireError) in try buffer.writePostgresQuery(sql) }
        } catch {
            return answer.failed(error)
        }
        self.append(
            PostgresEntry(
                .simple, answer: answer, special: special, number: number, deadline: deadline, timer: self.arm(deadline, number)))
    }

    /// Lets a portal go on, or closes it.
    ///
    /// - Parameters:
    ///   - columns: of its rows.
    ///   - maximumRows: nil to close it.
    func goOn(
        _ portal: String, _ columns: PostgresPreparedStatement?, maximumRows: Int32?, deadline: NIODeadline, answer: PostgresAnswer,
        special: (any PostgresSpecialReceiver)?
    ) {
        if let error = self.refusal(deadline) { return answer.failed(error) }
        if let maximumRows {
            self.state.pointee.encoder.writeExecute(portal, maximumRows: maximumRows)
        } else {
            do throws(PostgresError) {
                try self.state.pointee.encoder.write { buffer throws(PostgresWireError) in
                    try buffer.writePostgresClose(portal: portal)
                    try buffer.writePostgresSync()
                }
            } catch {
                return answer.failed(error)
            }
        }
        let number = self.nextNumber()
        self.append(
            PostgresEntry(
                maximumRows == nil ? .closing : .continued, of: columns, answer: answer, special: special, number: number,
                deadline: deadline, timer: self.arm(deadline, number)))
    }

    /// A name that no portal of the session has.
    func newPortal() -> String { "p\(self.nextNumber())" }

    /// The statement that was given last.
    var lastStatement: PostgresPreparedStatement? { self.state.pointee.entries.last?.pointee.statement }

    /// Sends data of a copy at once.
    ///
    /// - Returns: whether more may follow; if not, ``onWritable`` is called when it may.
    func writeCopy(_ bytes: ByteBuffer) -> Bool {
        self.flush()
        if let context { self.put(bytes, context) }
        return self.isWritable
    }

    /// Straight to the socket where it takes all, otherwise through the channel, and so until that has nothing left.
    private func put(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        var rest = bytes
        if let socket, self.writesInChannel == 0, context.channel.isActive {
            rest.moveReaderIndex(forwardBy: socket.send(bytes))
            if rest.readableBytes == 0 { return }
        }
        guard self.socket != nil else { return context.writeAndFlush(Self.wrapOutboundOut(rest), promise: nil) }
        self.writesInChannel += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.writesInChannel -= 1 }
        context.writeAndFlush(Self.wrapOutboundOut(rest), promise: promise)
    }

    /// Appends messages that belong to a statement that was sent.
    func write(_ body: (inout ByteBuffer) throws(PostgresWireError) -> Void) throws(PostgresError) {
        guard self.isUsable else { throw PostgresError(.connectionLost, "the connection is closed") }
        try self.state.pointee.encoder.write(body)
        self.flushLater()
    }

    /// Numbers statements, for those who have no numbers of their own.
    @usableFromInline
    func nextNumber() -> UInt64 {
        self.state.pointee.lastNumber += 1
        return self.state.pointee.lastNumber
    }

    func arm(_ deadline: NIODeadline, _ number: UInt64) -> DeadlineToken? {
        guard deadline < .distantFuture else { return nil }
        let target = self.deadlineTarget ?? self.deadlines.register(Alarm(self))
        self.deadlineTarget = target
        return self.deadlines.arm(at: deadline, target: target, tag: number)
    }

    @inline(__always)
    func append(_ entry: consuming PostgresEntry) {
        self.state.pointee.entries.append(entry)
        self.flushLater()
    }

    /// What is written in one pass of the loop goes out in one write.
    @inline(__always)
    func flushLater() {
        if !self.isFlushScheduled { self.scheduleFlush() }
    }

    func scheduleFlush() {
        guard self.isWritable, self.cancels == 0 else { return }
        self.isFlushScheduled = true
        if self.isProcessing { self.isFlushDeferred = true } else { self.flushAtEndOfPass() }
    }

    /// Nothing waits for a server that has nothing to do.
    func flushProcessed() {
        self.isFlushDeferred = false
        if self.state.pointee.sent == 0 { self.flush() } else { self.flushAtEndOfPass() }
    }

    private func flushAtEndOfPass() { self.loopContext.loop.assumeIsolated().execute(self.flusher.flush) }

    func flush() {
        self.isFlushScheduled = false
        guard self.isWritable, self.cancels == 0, let context, self.state.pointee.encoder.unsent.readableBytes > 0 else { return }
        if self.state.pointee.sent == 0 { self.lastProgress = self.loopContext.passTime }
        self.state.pointee.sent = self.state.pointee.entries.count
        self.put(self.state.pointee.encoder.takeUnsent(), context)
        self.state.pointee.encoder.reclaimMemory()
    }
}
