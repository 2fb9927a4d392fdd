import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import WeirServer

@Suite struct ClientRosterTests {
    // MARK: Entering and leaving

    /// Against a dictionary, with thousands of channels that open and close in any order.
    @Test(arguments: [1, 2, 3] as [UInt64]) func knowsWhoIsOpen(seed: UInt64) throws {
        var generator = Numbers(state: seed)
        let loop = EmbeddedEventLoop()
        let roster = ClientRoster(loop: loop)
        var open: [ObjectIdentifier: (client: Told, channel: EmbeddedChannel)] = [:]
        for step in 0..<4000 {
            // Up and down, to none and again.
            if Int.random(in: 0..<1000, using: &generator) > step % 1000 {
                let client = Told()
                let channel = EmbeddedChannel(loop: loop)
                client.channel = channel
                roster.add(client, channel: channel)
                open[ObjectIdentifier(client)] = (client, channel)
            } else if let (id, entry) = open.randomElement(using: &generator) {
                _ = try entry.channel.finish(acceptAlreadyClosed: true)
                open[id] = nil
            }
            #expect(roster.count == open.count)
            guard step % 50 == 0 else { continue }
            var seen: Set<ObjectIdentifier> = []
            roster.forEach { #expect(seen.insert(ObjectIdentifier($0)).inserted) }
            #expect(seen == Set(open.keys))
        }
        roster.closeAll()
        #expect(roster.count == 0)
        #expect(open.values.allSatisfy { $0.client.closes == 1 && $0.client.drains == 0 })
    }

    @Test func clientsMayCloseEachOtherWhileTheyAreTold() throws {
        let loop = EmbeddedEventLoop()
        let roster = ClientRoster(loop: loop)
        let clients = (0..<10).map { _ in Told() }
        for client in clients {
            client.channel = EmbeddedChannel(loop: loop)
            roster.add(client, channel: client.channel!)
        }
        clients[3].onDrain = {
            clients[3].finish()
            clients[7].finish()
            let late = Told()
            late.channel = EmbeddedChannel(loop: loop)
            roster.add(late, channel: late.channel!)
        }
        _ = roster.drain(until: .distantFuture)
        #expect(clients[7].drains == 0)
        #expect(clients.map(\.drains).reduce(0, +) == 9 && roster.count == 9)
        var late: Told?
        roster.forEach { client in if !clients.contains(where: { $0 === client }) { late = client as? Told } }
        #expect(late?.drains == 0)
        loop.run()
        #expect(late?.drains == 1)
    }

    @Test func anEmptyRosterIsDrainedAtOnce() throws {
        let loop = EmbeddedEventLoop()
        let roster = ClientRoster(loop: loop)
        #expect(!roster.isDraining)
        #expect(try roster.drain(until: .distantFuture).wait() == ClientDrain())
        #expect(roster.isDraining)
        #expect(try roster.drain(until: .distantPast).wait() == ClientDrain())
        roster.endDrain()
    }

    @Test func nobodyIsHeldWhenAllAreGone() throws {
        let loop = EmbeddedEventLoop()
        let roster = ClientRoster(loop: loop)
        weak var weakClient: Told?
        do {
            let client = Told()
            weakClient = client
            let channel = EmbeddedChannel(loop: loop)
            roster.add(client, channel: channel)
            _ = try channel.finish(acceptAlreadyClosed: true)
        }
        #expect(weakClient == nil)
    }

    // MARK: Drains, by the clock of a loop that has one by hand

    @Test func theDeadlineClosesWhoDoesNotFinish() throws {
        let (loop, roster, clients) = Self.rosterOf(3)
        clients[0].onDrain = { clients[0].finish() }
        let drained = Result(roster.drain(until: loop.now + .seconds(10)))
        #expect(clients.map(\.drains) == [1, 1, 1] && roster.count == 2)
        clients[1].finish()
        loop.advanceTime(by: .milliseconds(9999))
        #expect(drained.value == nil && clients[2].closes == 0)
        loop.advanceTime(by: .milliseconds(1))
        #expect(drained.value == ClientDrain(wasCutShort: true, closed: 1, left: 0))
        #expect(clients.map(\.closes) == [0, 0, 1])
    }

    @Test func aSecondDrainChangesNothingButTheDeadline() throws {
        let (loop, roster, clients) = Self.rosterOf(2)
        let first = Result(roster.drain(until: loop.now + .seconds(10)))
        let second = Result(roster.drain(until: loop.now + .seconds(20)))
        let third = Result(roster.drain(until: loop.now + .seconds(5)))
        #expect(clients.map(\.drains) == [1, 1])
        clients[0].finish()
        loop.advanceTime(by: .seconds(5))
        let cut = ClientDrain(wasCutShort: true, closed: 1, left: 0)
        #expect(first.value == cut && second.value == cut && third.value == cut)
        loop.advanceTime(by: .seconds(60))
        let late = Result(roster.drain(until: loop.now + .seconds(5)))
        #expect(late.value == cut)
        #expect(clients.map(\.closes) == [0, 1])
    }

    @Test func aDrainThatWasEndedBeforeItBeganHasNoTime() throws {
        let (loop, roster, clients) = Self.rosterOf(2)
        roster.endDrain()
        #expect(!roster.isDraining && clients.map(\.closes) == [0, 0])
        let drained = Result(roster.drain(until: loop.now + .hours(1)))
        #expect(drained.value == ClientDrain(wasCutShort: true, closed: 2, left: 0))
        #expect(clients.map(\.drains) == [0, 0])
    }

    @Test func whoeverComesLateIsToldAsTheOthersWere() throws {
        let (loop, roster, clients) = Self.rosterOf(1)
        let drained = Result(roster.drain(until: loop.now + .seconds(10)))
        let late = Self.add(to: roster, on: loop)
        #expect(late.drains == 0)
        loop.run()
        #expect(late.drains == 1)
        loop.advanceTime(by: .seconds(10))
        #expect(drained.value?.closed == 2 && clients[0].closes == 1 && late.closes == 1)
        let last = Self.add(to: roster, on: loop)
        loop.run()
        #expect(last.closes == 1 && last.drains == 0 && roster.count == 0)
    }

    @Test func handlersThatCloseNothingHoldNothingUp() throws {
        let (loop, roster, clients) = Self.rosterOf(3)
        for client in clients.dropFirst() { client.obeys = false }
        let drained = Result(roster.drain(until: loop.now + .seconds(1)))
        loop.advanceTime(by: .seconds(1))
        #expect(drained.value == nil && roster.count == 2)
        clients[1].finish()
        loop.advanceTime(by: .seconds(5))
        #expect(drained.value == ClientDrain(wasCutShort: true, closed: 3, left: 1))
        clients[2].finish()
        #expect(roster.count == 0)
    }

    // MARK: Real sockets

    @Test func drainsAllLoops() async throws {
        try await withLoops(3) { group in
            let clients = ClientRosters(group)
            let server = try await ServerBootstrap(group: group)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = Session()
                        clients[channel.eventLoop].add(handler, channel: channel)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
                .bind(host: "127.0.0.1", port: 0).boundedGet()
            // A third are idle, a third finish when they have said all, a third never do.
            var peers: [Peer] = []
            for number in 0..<60 {
                let peer = try await Peer.connect(to: server.localAddress!)
                try await peer.send(["idle\n", "busy\n", "stuck\n"][number % 3])
                _ = try await peer.text(until: "ok\n")
                peers.append(peer)
            }
            #expect(try await clients.count().boundedGet() == 60)
            try await server.close().boundedGet()
            let drained = clients.drain(until: .now() + .hours(1))
            for peer in stride(from: 0, to: 60, by: 3).map({ peers[$0] }) { #expect(try await peer.all() == "ok\n") }
            for peer in stride(from: 1, to: 60, by: 3).map({ peers[$0] }) {
                try await peer.send("done\n")
                #expect(try await peer.all() == "ok\nfinished\n")
            }
            try await wait { try await clients.count().boundedGet() == 20 }
            // Less time after all.
            let again = clients.drain(until: .now() + .milliseconds(1))
            let expected = ClientDrain(wasCutShort: true, closed: 20, left: 0)
            #expect(try await drained.boundedGet() == expected)
            #expect(try await again.boundedGet() == expected)
            #expect(try await clients.drain(until: .now()).boundedGet() == expected)
            for peer in stride(from: 2, to: 60, by: 3).map({ peers[$0] }) { #expect(try await peer.all() == "ok\n") }
            clients.endDrain()
            #expect(try await clients.count().boundedGet() == 0)
        }
    }

    // MARK: Support

    private static func add(to roster: ClientRoster, on loop: EmbeddedEventLoop) -> Told {
        let client = Told()
        client.channel = EmbeddedChannel(loop: loop)
        roster.add(client, channel: client.channel!)
        return client
    }

    private static func rosterOf(_ count: Int) -> (EmbeddedEventLoop, ClientRoster, [Told]) {
        let loop = EmbeddedEventLoop()
        let roster = ClientRoster(loop: loop)
        return (loop, roster, (0..<count).map { _ in Self.add(to: roster, on: loop) })
    }

    /// What a future came to, to look at between two events.
    private final class Result {
        private(set) var value: ClientDrain?
        init(_ future: EventLoopFuture<ClientDrain>) {
            future.assumeIsolated().whenSuccess { self.value = $0 }
        }
    }

    /// Counts what it was told.
    private final class Told: DrainableClient {
        var channel: EmbeddedChannel?
        var onDrain: () -> Void = {}
        var obeys = true
        private(set) var drains = 0
        private(set) var closes = 0

        /// Closed when this returns. Timers go on, which they would not after the channel's own `finish()`.
        func finish() {
            self.channel?.close(promise: nil)
            self.channel?.embeddedEventLoop.run()
        }

        func drain() {
            self.drains += 1
            self.onDrain()
        }

        func closeNow() {
            self.closes += 1
            if self.obeys { self.finish() }
        }
    }

    private final class Session: ChannelInboundHandler, DrainableClient {
        typealias InboundIn = ByteBuffer

        private var context: ChannelHandlerContext?
        private var isIdle = true
        private var isDraining = false

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }
        func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

        func drain() {
            self.isDraining = true
            if self.isIdle { self.closeNow() }
        }

        func closeNow() { self.context?.close(promise: nil) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch String(buffer: Self.unwrapInboundIn(data)) {
            case "done\n":
                context.writeAndFlush(NIOAny(ByteBuffer(string: "finished\n")), promise: nil)
                self.isIdle = true
                if self.isDraining { self.closeNow() }
            case let text:
                self.isIdle = text == "idle\n"
                context.writeAndFlush(NIOAny(ByteBuffer(string: "ok\n")), promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    /// SplitMix64: the same numbers each time.
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            self.state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = self.state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }
}
