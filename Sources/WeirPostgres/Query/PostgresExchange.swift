import WeirPostgresWire

/// What the server has to send for one statement, in its order, up to the ReadyForQuery that ends it. A value without any I/O.
///
/// ```
/// extended:  closes → parse → parameters → columns → bind → execute → sync → over
/// simple:    simple (any number of results) → over
/// ```
/// An ErrorResponse may come at every step, also after CommandComplete: what is deferred to the commit fails there.
/// Source: <https://www.postgresql.org/docs/15/protocol-flow.html>.
struct PostgresExchange {
    enum Step: UInt8 {
        case closing, closes, parse, parameters, columns, bind, execute, copyIn, copyOut, copyEnd, sync
        /// A result is due; its rows, its end, one more or the end of all.
        case simple, simpleRows, simpleEnd, simpleCopyIn, simpleCopyOut
        /// An error came: only the end is due.
        case failed
    }

    enum Event {
        /// Nothing that anyone is told.
        case progress
        case parsed
        case columns
        case noColumns
        case row
        case completed
        case suspended
        case copyIn
        case copyOut
        case copyData
        case copyDone
        case failed
        case ready
    }

    private(set) var step: Step
    private var closes: UInt16
    private let isPrepared: Bool

    /// - Parameters:
    ///   - closes: statements that are closed first.
    ///   - isPrepared: whether the statement is there already; if not it is parsed and described.
    static func extended(closes: Int, isPrepared: Bool) -> PostgresExchange {
        PostgresExchange(step: closes > 0 ? .closes : isPrepared ? .bind : .parse, closes: UInt16(closes), isPrepared: isPrepared)
    }

    /// A portal that goes on where it was suspended.
    static var continued: PostgresExchange { PostgresExchange(step: .execute, closes: 0, isPrepared: true) }

    /// A portal that is closed, and nothing else.
    static var closing: PostgresExchange { PostgresExchange(step: .closing, closes: 0, isPrepared: true) }

    static var simple: PostgresExchange { PostgresExchange(step: .simple, closes: 0, isPrepared: true) }

    /// Whether the server has said that it knows the statement.
    var isBeforeParsed: Bool { self.step == .closes && !self.isPrepared || self.step == .parse }
    var isBeforeDescribed: Bool { self.isBeforeParsed || self.step == .parameters || self.step == .columns }

    /// - Returns: what it means; nil for a message that may not come now.
    mutating func received(_ kind: PostgresBackend.Kind) -> Event? {
        switch (kind, self.step) {
        case (.dataRow, .execute), (.dataRow, .simpleRows): return .row
        case (.bindComplete, .bind): return self.next(.execute, .progress)
        case (.commandComplete, .execute), (.commandComplete, .copyEnd), (.commandComplete, .copyIn): return self.next(.sync, .completed)
        case (.commandComplete, .simple), (.commandComplete, .simpleRows), (.commandComplete, .simpleEnd),
            (.commandComplete, .simpleCopyIn):
            return self.next(.simpleEnd, .completed)
        case (.readyForQuery, .sync), (.readyForQuery, .failed), (.readyForQuery, .simpleEnd): return .ready
        case (.closeComplete, .closes):
            self.closes -= 1
            if self.closes == 0 { self.step = self.isPrepared ? .bind : .parse }
            return .progress
        case (.closeComplete, .closing): return self.next(.sync, .completed)
        case (.parseComplete, .parse): return self.next(.parameters, .parsed)
        case (.parameterDescription, .parameters): return self.next(.columns, .progress)
        case (.rowDescription, .columns): return self.next(.bind, .columns)
        case (.noData, .columns): return self.next(.bind, .noColumns)
        case (.rowDescription, .simple), (.rowDescription, .simpleEnd): return self.next(.simpleRows, .columns)
        case (.emptyQueryResponse, .execute): return self.next(.sync, .completed)
        case (.emptyQueryResponse, .simple), (.emptyQueryResponse, .simpleEnd): return self.next(.simpleEnd, .completed)
        case (.portalSuspended, .execute): return self.next(.sync, .suspended)
        case (.copyInResponse, .execute): return self.next(.copyIn, .copyIn)
        case (.copyInResponse, .simple), (.copyInResponse, .simpleEnd): return self.next(.simpleCopyIn, .copyIn)
        case (.copyOutResponse, .execute): return self.next(.copyOut, .copyOut)
        case (.copyOutResponse, .simple), (.copyOutResponse, .simpleEnd): return self.next(.simpleCopyOut, .copyOut)
        case (.copyData, .copyOut), (.copyData, .simpleCopyOut): return .copyData
        case (.copyDone, .copyOut): return self.next(.copyEnd, .copyDone)
        case (.copyDone, .simpleCopyOut): return self.next(.simple, .copyDone)
        case (.errorResponse, .failed): return nil
        case (.errorResponse, _): return self.next(.failed, .failed)
        default: return nil
        }
    }

    private mutating func next(_ step: Step, _ event: Event) -> Event {
        self.step = step
        return event
    }
}
