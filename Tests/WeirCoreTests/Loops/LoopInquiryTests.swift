import NIOCore
import NIOEmbedded
import NIOPosix
import Testing
import WeirCore

@Suite struct LoopInquiryTests {
    private struct Ended: Error {}
    private struct Refused: Error {}

    @Test func answersComeInTheOrderOfTheLoops() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let loops = Array(group.makeIterator())
        let answers = LoopInquiry<ObjectIdentifier>.ask(loops, ended: Ended()) { loop in
            loop.preconditionInEventLoop()
            return loop.makeSucceededFuture(ObjectIdentifier(loop))
        }
        #expect(answers.eventLoop === loops[0])
        #expect(try await answers.boundedGet() == loops.map { ObjectIdentifier($0) })
        // Asked on one of them, the answer comes there.
        let isThere = try await loops[2].flatSubmit {
            let answers = LoopInquiry<Int>.ask(loops, ended: Ended()) { $0.makeSucceededFuture(1) }
            return answers.map { $0 == [1, 1, 1] && answers.eventLoop === loops[2] }
        }.boundedGet()
        #expect(isThere)
        try await group.shutdownGracefully()
    }

    @Test func theFirstErrorIsTheAnswer() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loops = Array(group.makeIterator())
        let never = loops[0].makePromise(of: Int.self)
        let answers = LoopInquiry<Int>.ask(loops, ended: Ended()) { loop in
            loop === loops[0] ? never.futureResult : loop.makeFailedFuture(Refused())
        }
        await #expect(throws: Refused.self) { try await answers.boundedGet() }
        never.succeed(0)
        try await group.shutdownGracefully()
    }

    @Test func aLoopThatHasEndedIsAnAnswer() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loops = Array(group.makeIterator())
        try await group.shutdownGracefully()
        let answers = LoopInquiry<Int>.ask(loops, ended: Ended()) { $0.makeSucceededFuture(1) }
        await #expect(throws: Ended.self) { try await answers.boundedGet() }
        // Also if others go on.
        let mixed = [MultiThreadedEventLoopGroup.singleton.next(), loops[1]]
        for loops in [mixed, mixed.reversed()] {
            let answers = LoopInquiry<Int>.ask(loops, ended: Ended()) { $0.makeSucceededFuture(1) }
            await #expect(throws: Ended.self) { try await answers.boundedGet() }
        }
    }

    /// No answer would ever come from the loop that ends, whether it is the one that the result is on or another.
    @Test(arguments: [0, 1]) func aLoopThatEndsWhileItsAnswerIsDueIsAnAnswer(silent: Int) async throws {
        for _ in 0..<50 {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
            let loops = Array(group.makeIterator())
            let never = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Int.self)
            let answers = LoopInquiry<Int>.ask(loops, ended: Ended()) { loop in
                loop === loops[silent] ? never.futureResult : loop.makeSucceededFuture(1)
            }
            let told = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: [Int].self)
            answers.cascade(to: told)
            try await group.shutdownGracefully()
            await #expect(throws: Ended.self) { try await told.futureResult.boundedGet() }
            never.succeed(0)
        }
    }

    @Test func onAnEmbeddedLoopItComesWhenTheLoopRuns() throws {
        let loop = EmbeddedEventLoop()
        let answers = LoopInquiry<Int>.ask([loop], ended: Ended()) { $0.makeSucceededFuture(1) }
        loop.run()
        #expect(try answers.wait() == [1])
    }
}
