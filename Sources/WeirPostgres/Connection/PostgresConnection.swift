public import NIOCore
import WeirCore
public import WeirPostgresWire

/// One connection to a Postgres server: statements go out in the order in which they are given, each with a Sync of its own, and each gets
/// one answer, its own result or an error.
///
/// Statements of one pass of the loop share one write. Each is a transaction of its own, unless one was begun here. What puts the order in
/// doubt (a message that may not come now, bytes that are not the protocol) closes the connection.
///
/// Belongs to its channel's loop: touch it there only. It is the last handler of its pipeline; ``PostgresConnectionFactory`` sees to that.
public final class PostgresConnection: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    // Behind a pointer, so that no exclusivity check is paid for each message.
    @usableFromInline
    struct State {
        var input = ByteBuffer()
        var scanner: PostgresFrameScanner
        var entries = CircularBuffer<PostgresEntry>(initialCapacity: 64)
        /// Entries that were given to the channel.
        var sent = 0
        @usableFromInline var encoder: PostgresEncoder
        var front = PostgresFront()
        var status = PostgresTransactionStatus.idle
        var lastNumber: UInt64 = 0
    }

    let loopContext: LoopContext
    public let configuration: PostgresConfiguration
    @usableFromInline let state: UnsafeMutablePointer<State>
    private(set) var context: ChannelHandlerContext?
    private var isClosed = false
    private(set) var isWritable = false
    private var isProcessing = false
    private var isFlushScheduled = false
    private let flusher = Flusher()
    private var deadlineTarget: DeadlineTarget?

    /// Takes what comes until the login is done.
    var login: PostgresLogin?
    /// What cancels a statement of this connection: of BackendKeyData.
    var cancelKey: PostgresBackend.BackendKeyData?
    /// Asks the server to end what runs here, and calls back when it has been told.
    var cancelOnServer: ((_ whenTold: @escaping () -> Void) -> Void)?
    /// The server may be ending what runs: nothing more is sent, and whoever is hit is asked again.
    private var cancels = 0
    /// Statements that were sent when the server was told to end one, and may have been hit in its place.
    private var atRisk = 0

    /// Settings that the server has told, by name.
    public private(set) var parameters: [String: String] = [:]
    /// When something last came, or was first asked for after nothing was due.
    private(set) var lastProgress: NIODeadline = .uptimeNanoseconds(0)
    /// Called once when the connection is of no more use, before any statement fails.
    var onClose: (() -> Void)?
    /// Called when a statement has ended, for whoever has another one to send.
    var onRoom: (() -> Void)?
    /// Called with what LISTEN brings.
    var onNotification: ((PostgresNotification) -> Void)?
    /// The pool has ordered it to be closed and is told when its socket is.
    var isRetired = false
    /// What a FATAL error said that belongs to no statement.
    private var farewell: PostgresServerError?
    /// Statements were run that leave something behind in the session.
    private(set) var isAltered = false

    private final class Alarm: DeadlineReceiver {
        // The connection unregisters it before it goes.
        unowned let connection: PostgresConnection
        init(_ connection: PostgresConnection) { self.connection = connection }
        func deadlineReached(tag: UInt64) { self.connection.deadlineReached(tag) }
    }

    private final class Flusher {
        // Cleared by the connection's deinit, which runs on the same loop.
        var connection: Unmanaged<PostgresConnection>?
        lazy var flush: () -> Void = { [unowned self] in self.connection?.takeUnretainedValue().flush() }
    }

    init(loopContext: LoopContext, configuration: PostgresConfiguration, phase: PostgresFrameScanner.Phase) {
        self.loopContext = loopContext
        self.configuration = configuration
        self.state = .allocate(capacity: 1)
        self.state.initialize(
            to: State(
                scanner: PostgresFrameScanner(from: .backend, phase: phase, limits: configuration.wireLimits),
                encoder: PostgresEncoder(
                    maximumStatements: configuration.maximumPreparedStatements,
                    maximumLength: configuration.wireLimits.maximumMessageLength)))
        self.flusher.connection = .passUnretained(self)
    }

    deinit {
        self.flusher.connection = nil
        if let deadlineTarget { self.loopContext.deadlines.unregister(deadlineTarget) }
        self.state.deinitialize(count: 1)
        self.state.deallocate()
    }

    /// True while statements may be sent.
    public var isUsable: Bool { !self.isClosed && self.context != nil }
    /// Whether a transaction is open, as of the last statement that has ended.
    public var transactionStatus: PostgresTransactionStatus { self.state.pointee.status }
    /// Statements that have no result yet, those included that nobody waits for any more.
    public var pendingCount: Int { self.state.pointee.entries.count }
    /// Statements that this connection has prepared.
    public var preparedCount: Int { self.state.pointee.encoder.preparedCount }
    /// Nothing is due, no transaction is open.
    var isIdle: Bool { self.isUsable && self.state.pointee.entries.isEmpty && self.state.pointee.status == .idle && self.cancels == 0 }
    /// Whether it takes another statement at once.
    @usableFromInline var takesMore: Bool {
        self.isUsable && self.cancels == 0 && self.state.pointee.entries.count < self.configuration.pipelineDepth
    }
    /// Nil when its socket is closed.
    var channel: (any Channel)? { self.context?.channel }

    /// Takes only what leaves the session as it is found.
    var isShared: Bool {
        get { self.state.pointee.encoder.isShared }
        set { self.state.pointee.encoder.isShared = newValue }
    }

    // MARK: Sending

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
        self.state.pointee.entries.append(
            PostgresEntry(
                answer: answer, special: special, number: number, deadline: deadline, timer: self.arm(deadline, number),
                statement: written.statement, exchange: written.exchange, kept: written.kept.map(Int32.init) ?? -1, formats: written.formats
            ))
        if written.statement.changesSession { self.isAltered = true }
        if !self.isFlushScheduled { self.scheduleFlush() }
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

    private func encode(
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
        self.state.pointee.entries.append(
            PostgresEntry(
                answer: answer, special: special, number: number, deadline: deadline, timer: self.arm(deadline, number), statement: nil,
                exchange: .simple, kept: -1, formats: nil))
        if !self.isFlushScheduled { self.scheduleFlush() }
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
        self.state.pointee.entries.append(
            PostgresEntry(
                answer: answer, special: special, number: number, deadline: deadline, timer: self.arm(deadline, number), statement: columns,
                exchange: maximumRows == nil ? .closing : .continued, kept: -1, formats: nil))
        if !self.isFlushScheduled { self.scheduleFlush() }
    }

    /// A name that no portal of the session has.
    func newPortal() -> String { "p\(self.nextNumber())" }

    /// The statement that was given last.
    var lastStatement: PostgresPreparedStatement? { self.state.pointee.entries.last?.statement }

    /// Nothing but what is copied may be sent.
    var isCopying = false

    /// Sends data of a copy at once.
    ///
    /// - Returns: whether more may follow; if not, ``onWritable`` is called when it may.
    func writeCopy(_ bytes: ByteBuffer) -> Bool {
        self.flush()
        self.context?.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
        return self.isWritable
    }

    /// Whether somebody else may find it as it is.
    func isClean(_ reset: PostgresReset) -> Bool {
        guard self.isIdle, !self.isCopying, !self.isPaused else { return false }
        switch reset {
        case .never: return true
        case .whenAltered: return !self.isAltered
        case .always: return false
        }
    }

    /// Brings it into the state in which the next one may find it.
    ///
    /// - Parameter whenDone: called once: whether it could be done.
    func clean(_ reset: PostgresReset, _ whenDone: @escaping (Bool) -> Void) {
        guard self.isUsable, !self.isCopying else { return whenDone(false) }
        self.resume()
        let deadline = self.loopContext.loop.now + self.configuration.cancelTimeout
        let last = PostgresCollector(limits: .unlimited) { _ in whenDone(self.isIdle) }
        if self.state.pointee.status != .idle || !self.state.pointee.entries.isEmpty {
            self.sendSimple(
                "rollback", deadline: deadline, number: self.nextNumber(), answer: PostgresAnswer(receiver: nil, tag: 0), special: nil)
        }
        self.sendSimple(
            reset == .always || reset == .whenAltered && self.isAltered ? "discard all" : "", deadline: deadline,
            number: self.nextNumber(), answer: PostgresAnswer(receiver: last, tag: 0), special: nil)
    }

    /// Appends messages that belong to a statement that was sent.
    func write(_ body: (inout ByteBuffer) throws(PostgresWireError) -> Void) throws(PostgresError) {
        guard self.isUsable else { throw PostgresError(.connectionLost, "the connection is closed") }
        try self.state.pointee.encoder.write(body)
        if !self.isFlushScheduled { self.scheduleFlush() }
    }

    /// Numbers statements, for those who have no numbers of their own.
    @usableFromInline
    func nextNumber() -> UInt64 {
        self.state.pointee.lastNumber += 1
        return self.state.pointee.lastNumber
    }

    private func arm(_ deadline: NIODeadline, _ number: UInt64) -> DeadlineToken? {
        guard deadline < .distantFuture else { return nil }
        let target = self.deadlineTarget ?? self.loopContext.deadlines.register(Alarm(self))
        self.deadlineTarget = target
        return self.loopContext.deadlines.arm(at: deadline, target: target, tag: number)
    }

    private func scheduleFlush() {
        guard self.isWritable, self.cancels == 0 else { return }
        self.isFlushScheduled = true
        // Runs when the events of this pass are done: what they send shares one write.
        self.loopContext.loop.assumeIsolated().execute(self.flusher.flush)
    }

    private func flush() {
        self.isFlushScheduled = false
        guard self.isWritable, self.cancels == 0, let context, self.state.pointee.encoder.unsent.readableBytes > 0 else { return }
        if self.state.pointee.sent == 0 { self.lastProgress = self.loopContext.passTime }
        self.state.pointee.sent = self.state.pointee.entries.count
        context.writeAndFlush(Self.wrapOutboundOut(self.state.pointee.encoder.takeUnsent()), promise: nil)
        self.state.pointee.encoder.reclaimMemory()
    }

    // MARK: Receiving

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.isWritable = true
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.end(.connectionLost, "the connection was closed")
        self.context = nil
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isClosed else { return }
        var bytes = Self.unwrapInboundIn(data)
        self.lastProgress = self.loopContext.passTime
        if self.state.pointee.input.readableBytes == 0 {
            self.state.pointee.input = bytes
        } else {
            self.state.pointee.input.writeBuffer(&bytes)
        }
        self.process()
    }

    /// Goes through what has come, unless somebody is doing that already.
    private func process() {
        guard !self.isProcessing else { return }
        self.isProcessing = true
        let bytes = self.state.pointee.input
        var at = 0
        do throws(PostgresWireError) {
            try bytes.readableBytesSpan.withUnsafeBytes { pointer throws(PostgresWireError) in
                while at < pointer.count, !self.isPaused, let header = try self.state.pointee.scanner.next(pointer, at: at) {
                    let isWell = try self.received(header, pointer, at, bytes)
                    at += header.length
                    if self.isClosed { return }
                    guard isWell else { return self.end(.protocolViolation, "the server sent a message that may not come now") }
                }
            }
        } catch {
            self.end(.protocolViolation, "the server sent what is not the protocol", cause: error)
        }
        self.isProcessing = false
        if self.isClosed {
            self.state.pointee.input = ByteBuffer()
            return
        }
        self.state.pointee.input.moveReaderIndex(forwardBy: at)
        if self.state.pointee.input.readableBytes == 0 { self.state.pointee.input = ByteBuffer() }
    }

    /// - Returns: false for a message that may not come now.
    @inline(__always)
    private func received(
        _ header: PostgresFrameHeader, _ pointer: UnsafeRawBufferPointer, _ at: Int, _ bytes: ByteBuffer
    ) throws(PostgresWireError) -> Bool {
        guard self.login == nil, self.state.pointee.sent > 0, let kind = PostgresBackend.Kind(rawValue: header.tag), !kind.isAsynchronous
        else { return try self.receivedAside(header, at, bytes) }
        if !self.state.pointee.front.isLoaded { self.loadFront() }
        if kind == .errorResponse { self.noteFailure() }
        guard let event = self.state.pointee.front.exchange.received(kind) else { return false }
        switch event {
        case .progress: return true
        case .row: return try self.receivedRow(header, pointer, at, bytes)
        case .completed:
            // Without its terminator; an empty query has none.
            self.state.pointee.front.command = bytes.getSlice(
                at: bytes.readerIndex &+ at &+ 5, length: max(0, header.length &- 6))
            self.state.pointee.front.mayDiscard = header.length > 6 && pointer[at &+ 5] == UInt8(ascii: "D")
            // Of several results of one text only the last one's is looked at at the end.
            if self.state.pointee.front.statement == nil { self.resultOfTextEnded() }
            return true
        case .ready:
            guard let status = PostgresTransactionStatus(rawValue: pointer[at &+ 5]) else { return false }
            self.finishFront(status)
            return true
        default: return try self.receivedSpecial(event, Self.frame(header, at, bytes))
        }
    }

    private func resultOfTextEnded() {
        let command = self.commandTag
        // A text may have any number of statements: what they were is told by their ends.
        switch command.verb {
        case "SET", "RESET", "LISTEN", "UNLISTEN", "PREPARE", "DECLARE CURSOR", "LOAD", "CREATE TABLE", "CREATE VIEW", "CREATE SEQUENCE":
            self.isAltered = true
        default: self.noteDiscard(command)
        }
        self.state.pointee.front.special?.postgresResultEnded(command)
    }

    private func loadFront() {
        guard let entry = self.state.pointee.entries.first else { preconditionFailure("a statement was sent that is not there") }
        self.state.pointee.front = PostgresFront(
            exchange: entry.exchange, answer: entry.answer, special: entry.special, statement: entry.statement, isLoaded: true)
    }

    @inline(__always)
    private func receivedRow(
        _ header: PostgresFrameHeader, _ pointer: UnsafeRawBufferPointer, _ at: Int, _ bytes: ByteBuffer
    ) throws(PostgresWireError) -> Bool {
        guard let columns = self.state.pointee.front.columns ?? self.state.pointee.front.statement?.columns else { return false }
        let row = try PostgresDataRow(
            pointer, payload: (at &+ 5)..<(at &+ header.length), maximumColumns: self.configuration.wireLimits.maximumColumns)
        guard row.count == columns.count else { return false }
        self.state.pointee.front.hadRows = true
        guard let receiver = self.state.pointee.front.answer.receiver,
            let slice = bytes.getSlice(at: bytes.readerIndex &+ at &+ 7, length: header.length &- 7)
        else { return true }
        receiver.postgresRow(PostgresRow(checked: slice, columns: columns), tag: self.state.pointee.front.answer.tag)
        return true
    }

    private static func frame(_ header: PostgresFrameHeader, _ at: Int, _ bytes: ByteBuffer) throws(PostgresWireError) -> PostgresFrame {
        guard let slice = bytes.getSlice(at: bytes.readerIndex + at, length: header.length) else {
            preconditionFailure("a message that was found is not there")
        }
        return try PostgresFrame(slice, from: .backend)
    }

    private var commandTag: PostgresCommandTag { PostgresCommandTag(PostgresString(self.state.pointee.front.command ?? ByteBuffer())) }

    private func noteFailure() {
        self.state.pointee.front.failedBeforeParsed = self.state.pointee.front.exchange.isBeforeParsed
        self.state.pointee.front.failedBeforeDescribed = self.state.pointee.front.exchange.isBeforeDescribed
    }

    private func receivedSpecial(_ event: PostgresExchange.Event, _ frame: PostgresFrame) throws(PostgresWireError) -> Bool {
        let special = self.state.pointee.front.special
        switch event {
        case .columns:
            let description = try PostgresBackend.RowDescription(frame, limits: self.configuration.wireLimits)
            if let statement = self.state.pointee.front.statement {
                let columns = PostgresRowColumns(description, format: statement.resultFormat)
                statement.columns = columns
                special?.postgresColumns(columns)
            } else {
                let columns = PostgresRowColumns(description, format: nil)
                self.state.pointee.front.columns = columns
                special?.postgresColumns(columns)
            }
        case .noColumns: self.state.pointee.front.statement?.columns = PostgresRowColumns.none
        case .failed:
            let response = try PostgresBackend.ErrorResponse(frame, limits: self.configuration.wireLimits)
            let error = PostgresServerError(response.fields)
            self.state.pointee.front.error = error
            // Whether or not the server hangs up, nothing comes any more.
            if error.isFatal { self.end(.connectionLost, "the server ended the session") }
        case .suspended: special?.postgresSuspended()
        case .copyIn:
            // Others have nothing to copy, and one that was given up has nothing any more.
            guard let writer = special as? PostgresCopyWriter, writer.isBeginning else { return self.refuseCopyIn() }
            writer.postgresCopyIn()
        case .copyOut: special?.postgresCopyOut()
        case .copyData: special?.postgresCopyData(frame.payload)
        case .parsed, .copyDone, .progress, .row, .completed, .ready: break
        }
        return true
    }

    /// Nobody here has anything to copy.
    private func refuseCopyIn() -> Bool {
        let isExtended = self.state.pointee.front.statement != nil
        try? self.write { buffer throws(PostgresWireError) in
            try PostgresFrontend.CopyFail(reason: "a copy was not asked for").write(into: &buffer)
            // In the extended protocol the Sync that was sent with it is taken for a part of the copy.
            if isExtended { try buffer.writePostgresSync() }
        }
        return true
    }

    // MARK: What belongs to no statement

    /// The login, what may come at any time, and what nobody asked for.
    @inline(never)
    private func receivedAside(_ header: PostgresFrameHeader, _ at: Int, _ bytes: ByteBuffer) throws(PostgresWireError) -> Bool {
        if header.length == 1 {
            // A byte that answers the request for TLS.
            guard let login, let byte = bytes.getInteger(at: bytes.readerIndex + at, as: UInt8.self) else { return false }
            login.encryptionAnswered(byte)
            return true
        }
        let frame = try Self.frame(header, at, bytes)
        let limits = self.configuration.wireLimits
        switch frame.backendKind {
        case .parameterStatus:
            let status = try PostgresBackend.ParameterStatus(frame, limits: limits)
            return self.received(status)
        case .noticeResponse:
            let notice = PostgresServerError(try PostgresBackend.NoticeResponse(frame, limits: limits).fields)
            self.configuration.onNotice?(notice)
            return true
        case .notificationResponse:
            let notification = try PostgresBackend.NotificationResponse(frame, limits: limits)
            self.onNotification?(PostgresNotification(notification))
            return true
        case .errorResponse where self.login == nil:
            // Before the connection is closed it is said why.
            let farewell = PostgresServerError(try PostgresBackend.ErrorResponse(frame, limits: limits).fields)
            self.farewell = farewell
            guard farewell.isFatal else { return false }
            self.end(.connectionLost, "the server ended the session")
            return true
        default:
            guard let login else { return false }
            return try login.received(frame)
        }
    }

    /// What a session tells of itself: a few dozen settings.
    private func received(_ status: PostgresBackend.ParameterStatus) -> Bool {
        let name = status.name.string
        guard self.parameters.count < 256 || self.parameters[name] != nil else { return false }
        let value = status.value.string
        // Text would be read as what it is not.
        if name == "client_encoding", self.login == nil, value != "UTF8" { return false }
        if self.login == nil, self.parameters[name] != value { self.isAltered = true }
        self.parameters[name] = value
        return true
    }

    /// Statements may be sent.
    func loginDone() {
        self.login = nil
        self.state.pointee.status = .idle
    }

    // MARK: The end of a statement

    private func finishFront(_ status: PostgresTransactionStatus) {
        let entry = self.state.pointee.entries.removeFirst()
        self.state.pointee.sent -= 1
        self.state.pointee.status = status
        let mayBeHit = self.cancels > 0 || self.atRisk > 0
        if self.atRisk > 0 { self.atRisk -= 1 }
        if let timer = entry.timer { self.loopContext.deadlines.cancel(timer) }
        if self.state.pointee.front.error == nil, !entry.isToBeCancelled {
            if entry.kept >= 0 { _ = self.state.pointee.encoder.takeKept(Int(entry.kept), wanted: false) }
            let answer = self.state.pointee.front.answer
            let command = self.commandTag
            // What was read is free for the next read.
            self.state.pointee.front.command = nil
            self.state.pointee.front.isLoaded = false
            self.state.pointee.front.answer.receiver = nil
            self.state.pointee.front.special = nil
            if self.state.pointee.front.mayDiscard { self.noteDiscard(command) }
            answer.completed(command)
        } else {
            self.finishUnhappily(entry, mayBeHit: mayBeHit)
        }
        if self.isClosed { return }
        if status != .idle, self.isShared {
            return self.end(.connectionLost, "a statement left a transaction open on a connection that others share")
        }
        if self.state.pointee.entries.first?.isToBeCancelled ?? false, self.cancelNext() { return }
        if let onRoom { onRoom() }
    }

    /// The statement whose turn has come is one that nobody waits for.
    private func cancelNext() -> Bool {
        guard self.cancels == 0, self.cancelTimer == nil, self.state.pointee.sent > 0,
            self.state.pointee.entries.first?.isToBeCancelled ?? false
        else { return false }
        self.cancelFront()
        return true
    }

    /// What was prepared is gone.
    @inline(never)
    private func noteDiscard(_ command: PostgresCommandTag) {
        if command.text == "DISCARD ALL" { self.isAltered = false }
        if command.text == "DISCARD ALL" || command.text == "DEALLOCATE ALL" { self.state.pointee.encoder.forgetAll() }
    }

    @inline(never)
    private func finishUnhappily(_ entry: PostgresEntry, mayBeHit: Bool) {
        let front = self.state.pointee.front
        self.state.pointee.front = PostgresFront()
        let state = front.error?.sqlState
        if let statement = entry.statement {
            if front.failedBeforeParsed {
                self.state.pointee.encoder.forget(statement, closes: false)
            } else if front.failedBeforeDescribed {
                self.state.pointee.encoder.forget(statement, closes: true)
            } else if state == .invalidStatementName || front.error?.meansStalePlan ?? false {
                self.state.pointee.encoder.forget(statement, closes: state != .invalidStatementName)
            }
        }
        let lacksBinary = front.error?.meansNoBinaryForm ?? false
        if lacksBinary, let statement = entry.statement, statement.resultFormat == .binary {
            statement.resultFormat = .text
            statement.columns = statement.columns?.asText
        }
        // What failed for no reason of its own is sent again, once, where that changes nothing for others.
        let isStale =
            !front.failedBeforeParsed && (state == .invalidStatementName || front.error?.meansStalePlan ?? false)
        let isOthersFault = mayBeHit && state == .queryCanceled && !entry.isToBeCancelled
        let mayRepeat =
            (isStale || isOthersFault || lacksBinary) && !entry.wasRepeated && !front.hadRows && front.answer.receiver != nil
            && self.state.pointee.status == .idle && entry.kept >= 0 && (self.isShared || self.state.pointee.entries.isEmpty)
        let kept = entry.kept >= 0 ? self.state.pointee.encoder.takeKept(Int(entry.kept), wanted: mayRepeat) : nil
        if entry.isToBeCancelled { self.cancelledHasEnded() }
        if mayRepeat, let kept, let statement = entry.statement, self.sendAgain(entry, statement, kept) { return }
        guard let error = front.error else { return }
        front.answer.failed(
            PostgresError(
                .serverError, "the server answered with an error",
                mayHaveRun: entry.statement == nil || !(self.state.pointee.status == .idle), server: error))
    }

    private func sendAgain(_ entry: PostgresEntry, _ statement: PostgresPreparedStatement, _ values: ByteBuffer) -> Bool {
        let formats = entry.formats ?? Array(repeating: PostgresFormat.binary, count: statement.types.count)
        let parameters = PostgresParameters(types: statement.types, formats: formats, values: values)
        // Prepared for this time only: others who share what is being prepared now may fail by it again.
        guard let written = try? self.encode(statement.sql, parameters, isUnnamed: true, resultFormat: statement.resultFormat) else {
            return false
        }
        var again = PostgresEntry(
            answer: entry.answer, special: entry.special, number: entry.number, deadline: entry.deadline,
            timer: self.arm(entry.deadline, entry.number), statement: written.statement, exchange: written.exchange,
            kept: written.kept.map(Int32.init) ?? -1, formats: written.formats)
        again.wasRepeated = true
        self.state.pointee.entries.append(again)
        if !self.isFlushScheduled { self.scheduleFlush() }
        return true
    }

    // MARK: Cancelling

    /// The statement gets this error at once, and the server is told to end it when its turn has come.
    ///
    /// - Returns: whether it was waited for.
    func abandon(_ number: UInt64, _ error: (_ mayHaveRun: Bool) -> PostgresError) -> Bool {
        guard let offset = self.state.pointee.entries.firstIndex(where: { $0.number == number && $0.answer.receiver != nil }) else {
            return false
        }
        let place = self.state.pointee.entries.distance(from: self.state.pointee.entries.startIndex, to: offset)
        let answer = self.state.pointee.entries[offset].answer
        self.state.pointee.entries[offset].answer.receiver = nil
        self.state.pointee.entries[offset].isToBeCancelled = true
        if place == 0, self.state.pointee.front.isLoaded { self.state.pointee.front.answer.receiver = nil }
        let mayHaveRun = place < self.state.pointee.sent
        if place == 0, mayHaveRun { self.cancelFront() }
        answer.failed(error(mayHaveRun))
        return true
    }

    private func deadlineReached(_ tag: UInt64) {
        guard tag != Self.cancelTag else {
            return self.end(.connectionLost, "the server did not end a statement that was cancelled")
        }
        _ = self.abandon(tag) { PostgresError(.timeout, "no result came by the deadline", mayHaveRun: $0) }
    }

    private static var cancelTag: UInt64 { .max }
    private var cancelTimer: DeadlineToken?

    private func cancelFront() {
        guard let cancelOnServer else { return self.end(.connectionLost, "a statement was cancelled that the server cannot be told of") }
        self.cancels += 1
        if self.cancelTimer == nil {
            self.cancelTimer = self.arm(self.loopContext.loop.now + self.configuration.cancelTimeout, Self.cancelTag)
        }
        cancelOnServer { [weak self] in self?.serverWasTold() }
    }

    /// The signal was sent before this: what begins after the next ReadyForQuery is not hit by it.
    private func serverWasTold() {
        guard !self.isClosed else { return }
        self.cancels -= 1
        self.atRisk = self.state.pointee.sent
        self.cancelOver()
    }

    private func cancelledHasEnded() {
        if let timer = self.cancelTimer.take() { self.loopContext.deadlines.cancel(timer) }
        self.cancelOver()
    }

    private func cancelOver() {
        guard self.cancels == 0 else { return }
        if self.cancelNext() { return }
        if self.state.pointee.encoder.unsent.readableBytes > 0, !self.isFlushScheduled { self.scheduleFlush() }
        self.onRoom?()
    }

    // MARK: Back-pressure

    /// Nothing more is read, and nothing handed on, until ``resume()``.
    private(set) var isPaused = false

    func pause() {
        guard !self.isPaused, let context else { return }
        self.isPaused = true
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
    }

    func resume() {
        guard self.isPaused, let context else { return }
        self.isPaused = false
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        self.process()
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.isWritable = context.channel.isWritable
        if self.isWritable {
            if self.state.pointee.encoder.unsent.readableBytes > 0, !self.isFlushScheduled { self.scheduleFlush() }
            self.onWritable?()
        }
        context.fireChannelWritabilityChanged()
    }

    /// Called when the socket takes more again.
    var onWritable: (() -> Void)?

    // MARK: The end

    public func channelInactive(context: ChannelHandlerContext) {
        self.end(.connectionLost, "the server closed the connection")
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.end(.connectionLost, "the connection broke", cause: error)
    }

    /// Tells the server that the session ends, and closes the connection; what is pending fails.
    public func close() {
        if !self.isClosed, self.login == nil, let context {
            var bytes = ByteBuffer()
            try? bytes.writePostgresTerminate()
            context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
        }
        self.end(.connectionLost, "the connection was closed on this side")
    }

    /// Everything ends here, once: the pool hears of it first, so that nobody is given this connection by a receiver that fails.
    func end(_ code: PostgresError.Code, _ message: StaticString, cause: (any Error)? = nil) {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.isWritable = false
        let onClose = self.onClose.take()
        let login = self.login.take()
        self.onNotification = nil
        self.onRoom = nil
        self.onWritable = nil
        self.cancelOnServer = nil
        if let deadlineTarget { self.loopContext.deadlines.unregister(deadlineTarget) }
        self.deadlineTarget = nil
        self.context?.close(promise: nil)
        onClose?()
        let farewell = self.state.pointee.front.error ?? self.farewell
        let entries = self.state.pointee.entries
        let sent = self.state.pointee.sent
        self.state.pointee.entries = CircularBuffer()
        self.state.pointee.sent = 0
        let front = self.state.pointee.front
        self.state.pointee.front = PostgresFront()
        login?.connectionEnded(PostgresError(code, message, cause: cause, server: farewell))
        for (place, entry) in entries.enumerated() {
            // The one that the server had answered fails by that answer.
            let isAnswered = place == 0 && front.isLoaded && front.error != nil
            entry.answer.failed(
                PostgresError(
                    isAnswered ? .serverError : code, isAnswered ? "the server answered with an error" : message, cause: cause,
                    mayHaveRun: place < sent, server: farewell))
        }
    }
}

extension PostgresBackend.Kind {
    /// Whether it may come at any time, for no statement.
    @inline(__always)
    var isAsynchronous: Bool { self == .parameterStatus || self == .noticeResponse || self == .notificationResponse }
}

extension PostgresServerError {
    /// A type of the result can only be had as text.
    var meansNoBinaryForm: Bool { self.sqlState == .undefinedFunction && self.routine == "getTypeBinaryOutputInfo" }

    /// A prepared statement does not fit its tables any more.
    var meansStalePlan: Bool { self.sqlState == .featureNotSupported && self.routine == "RevalidateCachedQuery" }
}

/// What NOTIFY told.
public struct PostgresNotification: Sendable, Hashable {
    /// Where.
    public let channel: String
    /// What; empty unless something was given.
    public let payload: String
    /// The server's process whose session told it.
    public let processID: Int32

    init(_ notification: PostgresBackend.NotificationResponse) {
        self.channel = notification.channel.string
        self.payload = notification.payload.string
        self.processID = notification.processID
    }
}
