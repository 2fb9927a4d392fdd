import NIOCore
import Testing
import WeirPostgresWire

@testable import WeirPostgres

/// The machine alone: what is sent, what comes, what the client is told.
struct PipelineTests {
    private static func statement(_ number: UInt32) -> PostgresProxyStatement {
        PostgresProxyStatement(number: number, definition: ByteBuffer(string: "select \(number)\0\0\0"))
    }

    @Test func anErrorTakesBackWhatFollowsIt() {
        var pipeline = PostgresProxyPipeline()
        var prepared = PostgresProxyPrepared(capacity: 4)
        let (one, two) = (Self.statement(1), Self.statement(2))
        pipeline.names.define(ByteBuffer(string: "a"), one, segment: pipeline.segment)
        #expect(prepared.use(one, segment: pipeline.segment) { _ in }.need == .parse)
        pipeline.sent(.parse, statement: 1, changesName: true)
        pipeline.names.define(ByteBuffer(string: "b"), two, segment: pipeline.segment)
        #expect(prepared.use(two, segment: pipeline.segment) { _ in }.need == .parse)
        pipeline.sent(.parse, statement: 2, changesName: true)
        pipeline.sent(.sync)
        // In the next segment nobody knows whether it will be there.
        #expect(prepared.use(two, segment: pipeline.segment) { _ in }.need == .closeAndParse)
        #expect(pipeline.isUncertain(ByteBuffer(string: "b")))
        pipeline.sent(.close, .swallowed)
        pipeline.sent(.parse, .swallowed, statement: 2, isCertain: false)
        pipeline.sent(.bind, statement: 2)
        pipeline.sent(.sync)

        #expect(pipeline.received(.errorResponse, 0, &prepared) == .pass)
        #expect(pipeline.names.count == 0 && prepared.state(of: 1) == nil && prepared.state(of: 2) == .parsing(segment: 1))
        #expect(pipeline.received(.readyForQuery, UInt8(ascii: "I"), &prepared) == .ready(.idle))
        #expect(pipeline.received(.closeComplete, 0, &prepared) == .swallow)
        #expect(pipeline.received(.parseComplete, 0, &prepared) == .swallow)
        #expect(prepared.state(of: 2) == .present)
        #expect(pipeline.received(.bindComplete, 0, &prepared) == .pass)
        #expect(!pipeline.isIdle)
        #expect(pipeline.received(.readyForQuery, UInt8(ascii: "I"), &prepared) == .ready(.idle))
        #expect(pipeline.isIdle)
    }

    @Test func aCloseOfNobodyStandsForAParse() {
        var pipeline = PostgresProxyPipeline()
        var prepared = PostgresProxyPrepared(capacity: 4)
        pipeline.names.define(ByteBuffer(string: "a"), Self.statement(1), segment: 0)
        pipeline.sent(.close, .parseComplete, changesName: true)
        pipeline.sent(.sync)
        #expect(pipeline.received(.closeComplete, 0, &prepared) == .passAsParseComplete)
        #expect(pipeline.names.isSettled)
        #expect(pipeline.received(.readyForQuery, UInt8(ascii: "T"), &prepared) == .ready(.inTransaction))
        #expect(!pipeline.isIdle)
    }

    @Test func whatMayNotComeIsAViolation() {
        var prepared = PostgresProxyPrepared(capacity: 4)
        for kind in PostgresBackend.Kind.allCases where !kind.isAsynchronous {
            var pipeline = PostgresProxyPipeline()
            #expect(pipeline.received(kind, UInt8(ascii: "I"), &prepared) == .violation)
        }
        var pipeline = PostgresProxyPipeline()
        pipeline.sent(.sync)
        #expect(pipeline.received(.readyForQuery, UInt8(ascii: "X"), &prepared) == .violation)
        #expect(pipeline.received(.dataRow, 0, &prepared) == .violation)
    }

    @Test func aSyncBeforeTheCopyBelongsToIt() {
        var pipeline = PostgresProxyPipeline()
        var prepared = PostgresProxyPrepared(capacity: 4)
        pipeline.sent(.execute)
        pipeline.sent(.sync)
        #expect(pipeline.received(.copyInResponse, 0, &prepared) == .copyIn)
        #expect(pipeline.isCopyingIn)
        pipeline.sent(.copyEnd)
        pipeline.sent(.sync)
        #expect(pipeline.received(.commandComplete, 0, &prepared) == .pass)
        #expect(pipeline.received(.readyForQuery, UInt8(ascii: "I"), &prepared) == .ready(.idle))
        #expect(pipeline.isIdle)
    }

    @Test func whatWasNotUsedMakesRoom() {
        var prepared = PostgresProxyPrepared(capacity: 2)
        for number in 1...2 as ClosedRange<UInt32> {
            _ = prepared.use(Self.statement(number), segment: 0) { _ in Issue.record("there is room") }
            prepared.parsed(number, segment: 0)
        }
        var evicted: UInt32 = 0
        #expect(prepared.use(Self.statement(3), segment: 1) { evicted = $0.number }.need == .parse)
        #expect(evicted == 1 && prepared.state(of: 1) == .closing(segment: 1) && prepared.count == 2)
        // It was skipped.
        #expect(prepared.notParsed(3, segment: 1, wasCertain: true)?.number == 3)
        prepared.notClosed(1, segment: 1)
        #expect(prepared.state(of: 1) == .present && prepared.count == 2)
    }
}
