import NIOCore
import WeirPostgresWire

/// What the server sends for the statement whose turn it is.
extension PostgresConnection {
    func take(_ read: ByteBuffer) {
        var bytes = read
        // Of what comes only the rest of the message is copied that the last read ended in.
        while let lacking = self.lackingBytes, let rest = bytes.readSlice(length: lacking) {
            self.state.pointee.input.writeImmutableBuffer(rest)
            self.process()
            if self.isClosed { return }
        }
        guard bytes.readableBytes > 0 else { return }
        if self.state.pointee.input.readableBytes == 0 {
            self.state.pointee.input = bytes
        } else {
            self.state.pointee.input.writeImmutableBuffer(bytes)
        }
        self.process()
    }

    /// What is missing of the message that the input begins with, or of the bytes that tell its length; nil if it begins with none.
    private var lackingBytes: Int? {
        guard self.state.pointee.input.readableBytes > 0, self.login == nil, !self.isPaused, !self.isProcessing else { return nil }
        return self.state.pointee.input.withUnsafeReadableBytes { bytes in
            guard bytes.count >= 5 else { return 5 - bytes.count }
            // What is wrong with it is found in its turn.
            guard let header = try? self.state.pointee.scanner.peek(bytes, at: 0), header.length > bytes.count else { return nil }
            return header.length - bytes.count
        }
    }

    /// Goes through what has come, unless somebody is doing that already.
    func process() {
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
        if self.isFlushDeferred { self.flushProcessed() }
        if self.relay != nil { self.handOver() }
    }

    /// - Returns: false for a message that may not come now.
    @inline(__always)
    func received(
        _ header: PostgresFrameHeader, _ pointer: UnsafeRawBufferPointer, _ at: Int, _ bytes: ByteBuffer
    ) throws(PostgresWireError) -> Bool {
        guard self.login == nil, self.state.pointee.sent > 0, let kind = PostgresBackend.Kind(rawValue: header.tag), !kind.isAsynchronous,
            let entry = self.state.pointee.entries.first
        else { return try self.receivedAside(header, at, bytes) }
        if kind == .errorResponse { self.noteFailure(entry.pointee.exchange) }
        guard let event = entry.pointee.exchange.received(kind) else { return false }
        switch event {
        case .progress: return true
        case .row: return try self.receivedRow(entry, header, pointer, at, bytes)
        case .completed:
            // Without its terminator; an empty query has none.
            self.state.pointee.front.command = bytes.getSlice(
                at: bytes.readerIndex &+ at &+ 5, length: max(0, header.length &- 6))
            self.state.pointee.front.mayDiscard = header.length > 6 && pointer[at &+ 5] == UInt8(ascii: "D")
            // Of several results of one text only the last one's is looked at at the end.
            if entry.pointee.statement == nil { self.resultOfTextEnded(entry.pointee.special) }
            return true
        case .ready:
            guard let status = PostgresTransactionStatus(rawValue: pointer[at &+ 5]) else { return false }
            self.finishFront(status)
            return true
        default: return try self.receivedSpecial(event, Self.frame(header, at, bytes))
        }
    }

    private func resultOfTextEnded(_ special: (any PostgresSpecialReceiver)?) {
        let command = self.commandTag
        // A text may have any number of statements: what they were is told by their ends.
        switch command.verb {
        case "SET", "RESET", "LISTEN", "UNLISTEN", "PREPARE", "DECLARE CURSOR", "LOAD", "CREATE TABLE", "CREATE VIEW", "CREATE SEQUENCE":
            self.isAltered = true
        default: self.noteDiscard(command)
        }
        special?.postgresResultEnded(command)
    }

    @inline(__always)
    func receivedRow(
        _ entry: UnsafeMutablePointer<PostgresEntry>, _ header: PostgresFrameHeader, _ pointer: UnsafeRawBufferPointer, _ at: Int,
        _ bytes: ByteBuffer
    ) throws(PostgresWireError) -> Bool {
        guard let columns = self.state.pointee.front.columns ?? entry.pointee.statement?.columns else { return false }
        let row = try PostgresDataRow(
            pointer, payload: (at &+ 5)..<(at &+ header.length), maximumColumns: self.configuration.wireLimits.maximumColumns)
        guard row.count == columns.count else { return false }
        self.state.pointee.front.hadRows = true
        guard let receiver = entry.pointee.answer.receiver,
            let slice = bytes.getSlice(at: bytes.readerIndex &+ at &+ 7, length: header.length &- 7)
        else { return true }
        receiver.postgresRow(PostgresRow(checked: slice, columns: columns), tag: entry.pointee.answer.tag)
        return true
    }

    static func frame(_ header: PostgresFrameHeader, _ at: Int, _ bytes: ByteBuffer) throws(PostgresWireError) -> PostgresFrame {
        guard let slice = bytes.getSlice(at: bytes.readerIndex + at, length: header.length) else {
            preconditionFailure("a message that was found is not there")
        }
        return try PostgresFrame(slice, from: .backend)
    }

    var commandTag: PostgresCommandTag { PostgresCommandTag(PostgresString(self.state.pointee.front.command ?? ByteBuffer())) }

    private func noteFailure(_ exchange: PostgresExchange) {
        self.state.pointee.front.failedBeforeParsed = exchange.isBeforeParsed
        self.state.pointee.front.failedBeforeDescribed = exchange.isBeforeDescribed
    }

    func receivedSpecial(_ event: PostgresExchange.Event, _ frame: PostgresFrame) throws(PostgresWireError) -> Bool {
        guard let entry = self.state.pointee.entries.first else { return false }
        let (special, statement) = (entry.pointee.special, entry.pointee.statement)
        switch event {
        case .columns:
            let description = try PostgresBackend.RowDescription(frame, limits: self.configuration.wireLimits)
            if let statement {
                let columns = PostgresRowColumns(description, format: statement.resultFormat)
                statement.columns = columns
                special?.postgresColumns(columns)
            } else {
                let columns = PostgresRowColumns(description, format: nil)
                self.state.pointee.front.columns = columns
                special?.postgresColumns(columns)
            }
        case .noColumns: statement?.columns = PostgresRowColumns.none
        case .failed:
            let response = try PostgresBackend.ErrorResponse(frame, limits: self.configuration.wireLimits)
            let error = PostgresServerError(response.fields)
            self.state.pointee.front.error = error
            // Whether or not the server hangs up, nothing comes any more.
            if error.isFatal { self.end(.connectionLost, "the server ended the session") }
        case .suspended: special?.postgresSuspended()
        case .copyIn:
            // Others have nothing to copy, and one that was given up has nothing any more.
            guard let writer = special as? PostgresCopyWriter, writer.isBeginning else {
                return self.refuseCopyIn(isExtended: statement != nil)
            }
            writer.postgresCopyIn()
        case .copyOut:
            // Nobody takes it: the server need not send it all.
            if !(special?.takesCopies ?? false) { self.refuseCopyOut() }
        case .copyData: special?.postgresCopyData(frame.payload)
        case .parsed, .copyDone, .progress, .row, .completed, .ready: break
        }
        return true
    }

    private func refuseCopyOut() {
        guard let number = self.state.pointee.entries.first?.pointee.number else { return }
        _ = self.abandon(number) {
            PostgresError(.unexpectedResult, "the statement copies: rows are asked for, see copyOut", mayHaveRun: $0)
        }
    }

    /// Nobody here has anything to copy.
    private func refuseCopyIn(isExtended: Bool) -> Bool {
        try? self.write { buffer throws(PostgresWireError) in
            try PostgresFrontend.CopyFail(reason: "a copy was not asked for").write(into: &buffer)
            // In the extended protocol the Sync that was sent with it is taken for a part of the copy.
            if isExtended { try buffer.writePostgresSync() }
        }
        return true
    }
}
