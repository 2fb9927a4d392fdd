import NIOCore
import WeirPostgresWire

/// What a server owes for what one client has sent, in its order, and what is done with each message that comes. A value without any I/O.
///
/// Each message of the client that is answered has a step; so has each of the proxy's own between them, whose answers are swallowed. What the
/// proxy need not ask the server for is asked all the same, by something that does nothing (a Close of nobody), so that the server keeps the
/// order and leaves it out after an error; only the answer is exchanged for the one that the client expects.
///
/// After an error in the extended protocol the server skips everything up to the next Sync: so do the steps here, and what they have noted is
/// taken back, the last first.
/// Source: <https://www.postgresql.org/docs/15/protocol-flow.html>.
struct PostgresProxyPipeline {
    enum Kind: UInt8 {
        case parse, bind, describeStatement, describePortal, execute, close, sync, query, functionCall
        /// CopyDone or CopyFail, which have no answer of their own.
        case copyEnd
    }

    /// What the client gets for the server's answer.
    enum Treatment: UInt8 {
        case passed
        /// Nothing: the proxy asked.
        case swallowed
        /// A Close that stands for a Parse.
        case parseComplete
        /// An empty query that stands for a DEALLOCATE.
        case deallocated
    }

    struct Step {
        let kind: Kind
        let treatment: Treatment
        /// Whether a name of the client's depends on it.
        let changesName: Bool
        /// Of an own Parse: whether it is known what the server had before.
        let isCertain: Bool
        /// The statement that is parsed, closed or bound; 0 for none that is known by number.
        let statement: UInt32
        let segment: UInt32
        /// Makes or closes the unnamed statement.
        let isUnnamed: Bool
    }

    /// What is done with a message of the server's.
    enum Verdict: Equatable {
        case pass
        case swallow
        /// `ParseComplete` in its place.
        case passAsParseComplete
        /// ReadyForQuery, which is passed.
        case ready(PostgresTransactionStatus)
        /// As `ready`, behind what a DEALLOCATE is answered with.
        case deallocated(PostgresTransactionStatus)
        /// The server waits for data; the client is told.
        case copyIn
        /// A message that may not come now.
        case violation
    }

    private var steps = CircularBuffer<Step>(initialCapacity: 8)
    private(set) var segment: UInt32 = 0
    /// The segment that the server skips the rest of.
    private var skipped: UInt32?
    private(set) var isCopyingIn = false
    var unnamed = PostgresProxyUnnamed()
    /// Queries of the simple protocol that are due.
    private(set) var queries = 0
    private(set) var status = PostgresTransactionStatus.idle
    /// The client has begun something that only a Sync ends.
    private(set) var isUnsynced = false
    var names = PostgresProxyNames()
    /// Statements that are not in use any more as they were: whoever counts lets go of them.
    private(set) var released: [PostgresProxyStatement] = []

    /// Answers that are due.
    var count: Int { self.steps.count }
    /// Nothing is due, and no transaction is open.
    var isIdle: Bool { self.steps.isEmpty && !self.isUnsynced && self.status == .idle }
    /// What is sent now is not read by the server, up to the next Sync.
    var isSkipping: Bool { self.skipped == self.segment }
    /// Whether rows may come: the most frequent question.
    @inline(__always)
    var takesRows: Bool {
        guard let first = self.steps.first else { return false }
        return first.kind == .execute || first.kind == .query
    }
    /// Whether what is due is the client's, and may be ended by a cancel.
    var isRunning: Bool { !self.steps.isEmpty }

    // MARK: What is sent

    /// Another server connection: nothing of this client is on it.
    mutating func begin(status: PostgresTransactionStatus) {
        self.unnamed.begin()
        self.status = status
    }

    /// Notes a message that is being sent.
    mutating func sent(
        _ kind: Kind, _ treatment: Treatment = .passed, statement: UInt32 = 0, changesName: Bool = false, isCertain: Bool = true,
        isUnnamed: Bool = false
    ) {
        switch kind {
        case .sync:
            // Read by the server as a part of the copy, and ignored.
            if self.isCopyingIn { return }
        case .query:
            if self.isSkipping { return }
            self.queries += 1
        case .copyEnd:
            // Without anything that it could end it is ignored.
            if self.isSkipping || self.steps.isEmpty { return }
            self.isCopyingIn = false
        case .functionCall: if self.isSkipping { return }
        case .parse, .bind, .describeStatement, .describePortal, .execute, .close:
            self.isUnsynced = true
            if self.isSkipping { return }
        }
        self.steps.append(
            Step(
                kind: kind, treatment: treatment, changesName: changesName, isCertain: isCertain, statement: statement,
                segment: self.segment, isUnnamed: isUnnamed))
        if kind == .sync { self.segment &+= 1 }
    }

    /// Whether it is not known yet what a name means: something may have failed, or thrown all of them away, that is sent and not answered.
    /// Then it is waited for.
    func isUncertain(_ name: ByteBuffer) -> Bool {
        guard !self.steps.isEmpty, !self.isCopyingIn, !self.isSkipping else { return false }
        if self.queries > 0 { return true }
        guard name.readableBytes > 0 else {
            if case .parsing(let segment) = self.unnamed.state { return segment != self.segment }
            return false
        }
        return self.names.isChanging(name, before: self.segment)
    }

    // MARK: What comes

    /// Takes a message of the server's.
    ///
    /// - Parameters:
    ///   - kind: which.
    ///   - byte: the first of its payload, where there is one: the status of ReadyForQuery.
    ///   - prepared: what the server connection has.
    mutating func received(
        _ kind: PostgresBackend.Kind, _ byte: UInt8, _ prepared: inout PostgresProxyPrepared
    ) -> Verdict {
        if kind.isAsynchronous { return .pass }
        guard let step = self.steps.first else { return .violation }
        switch (kind, step.kind) {
        case (.dataRow, .execute), (.dataRow, .query): return .pass
        case (.errorResponse, _): return self.failed(step, &prepared)
        case (.parseComplete, .parse):
            prepared.parsed(step.statement, segment: step.segment)
            if step.isUnnamed { self.unnamed.parsed(isOwn: step.treatment == .swallowed) }
            return self.answered(step)
        case (.closeComplete, .close):
            if step.isUnnamed { self.unnamed.forgotten() }
            if step.statement != 0, let gone = prepared.closed(step.statement, segment: step.segment) { self.released.append(gone) }
            return self.answered(step)
        case (.bindComplete, .bind), (.noData, .describeStatement), (.noData, .describePortal), (.rowDescription, .describeStatement),
            (.rowDescription, .describePortal), (.commandComplete, .execute), (.emptyQueryResponse, .execute), (.portalSuspended, .execute):
            return self.answered(step)
        case (.parameterDescription, .describeStatement), (.functionCallResponse, .functionCall): return .pass
        case (.emptyQueryResponse, .query): return step.treatment == .deallocated ? .swallow : .pass
        case (.rowDescription, .query): return .pass
        case (.commandComplete, .query):
            // Of a text with several copies, this one has ended.
            self.isCopyingIn = false
            if self.steps.count > 1, self.steps[self.steps.index(after: self.steps.startIndex)].kind == .copyEnd {
                self.steps.remove(at: self.steps.index(after: self.steps.startIndex))
            }
            return .pass
        case (.copyOutResponse, .query), (.copyOutResponse, .execute), (.copyData, .query), (.copyData, .execute), (.copyDone, .query),
            (.copyDone, .execute):
            return .pass
        case (.copyInResponse, .query), (.copyInResponse, .execute):
            self.copyInBegan()
            return .copyIn
        case (.readyForQuery, .sync), (.readyForQuery, .query), (.readyForQuery, .functionCall):
            guard let status = PostgresTransactionStatus(rawValue: byte) else { return .violation }
            return self.ready(step, status)
        default: return .violation
        }
    }

    private mutating func removeFirst() {
        self.steps.removeFirst()
        while self.steps.first?.kind == .copyEnd { self.steps.removeFirst() }
    }

    private mutating func answered(_ step: Step) -> Verdict {
        self.removeFirst()
        self.isCopyingIn = false
        if step.changesName, let gone = self.names.confirm() { self.released.append(gone) }
        switch step.treatment {
        case .passed, .deallocated: return .pass
        case .swallowed: return .swallow
        case .parseComplete: return .passAsParseComplete
        }
    }

    private mutating func ready(_ step: Step, _ status: PostgresTransactionStatus) -> Verdict {
        self.removeFirst()
        self.status = status
        self.isCopyingIn = false
        if step.kind == .query {
            self.queries -= 1
            self.unnamed.forgotten()
        }
        // What was sent behind it is in a segment of its own, or goes on in this one.
        if self.steps.isEmpty { self.isUnsynced = false }
        guard step.treatment == .deallocated else { return .ready(status) }
        // In a failed transaction it would have been refused.
        if step.changesName {
            if status == .inFailedTransaction {
                self.released += self.names.takeBack(1)
            } else if let gone = self.names.confirm() {
                self.released.append(gone)
            }
        }
        return .deallocated(status)
    }

    /// What was sent before the server said that it waits for data it takes for a part of the copy: a Sync it ignores.
    private mutating func copyInBegan() {
        self.isCopyingIn = true
        let index = self.steps.index(after: self.steps.startIndex)
        while index < self.steps.endIndex {
            switch self.steps[index].kind {
            case .sync: self.steps.remove(at: index)
            case .copyEnd:
                self.isCopyingIn = false
                return
            default: return
            }
        }
    }

    private mutating func failed(_ step: Step, _ prepared: inout PostgresProxyPrepared) -> Verdict {
        self.isCopyingIn = false
        switch step.kind {
        // Its ReadyForQuery comes all the same.
        case .query, .functionCall, .sync: return .pass
        case .parse, .bind, .describeStatement, .describePortal, .execute, .close, .copyEnd: break
        }
        self.skip(&prepared)
        return .pass
    }

    /// Everything up to the next Sync will not be answered: what it has noted is taken back.
    private mutating func skip(_ prepared: inout PostgresProxyPrepared) {
        let end = self.steps.firstIndex { $0.kind == .sync }
        if end == nil { self.skipped = self.segment }
        let count = end.map { self.steps.distance(from: self.steps.startIndex, to: $0) } ?? self.steps.count
        var names = 0
        for offset in (0..<count).reversed() {
            let step = self.steps[self.steps.index(self.steps.startIndex, offsetBy: offset)]
            if step.changesName { names += 1 }
            if step.kind == .query { self.queries -= 1 }
            if step.isUnnamed, step.kind == .parse {
                self.unnamed.notParsed(hasFailed: offset == 0, isOwn: step.treatment == .swallowed)
            }
            guard step.statement != 0 else { continue }
            switch step.kind {
            case .parse:
                // The first of them is the one that has failed: closed or never there, it is not there now.
                let isCertain = step.isCertain || offset == 0
                if let gone = prepared.notParsed(step.statement, segment: step.segment, wasCertain: isCertain) {
                    self.released.append(gone)
                }
            case .close: prepared.notClosed(step.statement, segment: step.segment)
            default: break
            }
        }
        self.steps.removeFirst(count)
        if names > 0 { self.released += self.names.takeBack(names) }
    }

    /// What the plan of the statement that is being bound was made for is not so any more.
    mutating func planIsStale(_ prepared: inout PostgresProxyPrepared) {
        if let step = self.steps.first, step.kind == .bind { prepared.spoiled(step.statement) }
    }

    /// DISCARD ALL or DEALLOCATE ALL was done.
    mutating func discarded(_ prepared: inout PostgresProxyPrepared) {
        self.released += self.names.discardAll()
        self.released += prepared.discardAll()
        self.unnamed.forgotten()
    }

    mutating func takeReleased() -> [PostgresProxyStatement] {
        defer { self.released.removeAll(keepingCapacity: true) }
        return self.released
    }

    var hasReleased: Bool { !self.released.isEmpty }
}
