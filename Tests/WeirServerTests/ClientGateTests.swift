import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import WeirServer

@Suite struct ClientGateTests {
    // MARK: Addresses

    @Test func addressesAreToldApart() throws {
        func address(_ text: String, bits: Int = 64) throws -> ClientAddress {
            try #require(ClientAddress(try SocketAddress(ipAddress: text, port: .random(in: 0...65535)), ipv6PrefixLength: bits))
        }
        #expect(try address("192.0.2.1") == address("192.0.2.1"))
        #expect(try address("192.0.2.1") == address("::ffff:192.0.2.1"))
        #expect(try address("192.0.2.1") != address("192.0.2.2"))
        #expect(try address("::ffff:192.0.2.1") != address("::ffff:192.0.2.2"))
        #expect(try address("::fffe:c000:201") != address("192.0.2.1", bits: 128))
        #expect(try address("::fffe:c000:201", bits: 128) != address("192.0.2.1"))
        // With a prefix, too: mapped addresses are IPv4 and not all one network.
        #expect(try address("2001:db8::1") == address("2001:db8::ffff"))
        #expect(try address("2001:db8::1", bits: 128) != address("2001:db8::2", bits: 128))
        #expect(try address("2001:db8:0:1::1") != address("2001:db8:0:2::1"))
        #expect(try address("2001:db8:0:1::1", bits: 48) == address("2001:db8:0:2::1", bits: 48))
        #expect(try address("8000::", bits: 1) != address("::1", bits: 1))
        #expect(try address("2001:db8::8000:0:0:1", bits: 65) != address("2001:db8::1", bits: 65))
        #expect(try address("2001:db8::4000:0:0:1", bits: 65) == address("2001:db8::1", bits: 65))
        #expect(ClientAddress(nil, ipv6PrefixLength: 64) == nil)
        #expect(ClientAddress(try SocketAddress(unixDomainSocketPath: "/a"), ipv6PrefixLength: 64) == nil)
    }

    // MARK: Counting

    @Test func refusesWhatIsTooMuch() throws {
        let gate = ClientGate(maximum: 3, maximumPerAddress: 2)
        let first = ClientAddress(try SocketAddress(ipAddress: "192.0.2.1", port: 1), ipv6PrefixLength: 64)
        let second = ClientAddress(try SocketAddress(ipAddress: "192.0.2.2", port: 1), ipv6PrefixLength: 64)
        #expect(gate.admit(first) == .admitted)
        #expect(gate.admit(first) == .admitted)
        #expect(gate.admit(first) == .fullForAddress)
        #expect(gate.admit(second) == .admitted)
        #expect(gate.statistics.addresses == 2)
        #expect(gate.admit(second) == .full)
        #expect(gate.admit(nil) == .full)
        gate.leave(first)
        // No address: in all only.
        #expect(gate.admit(nil) == .admitted)
        gate.leave(nil)
        gate.leave(first)
        gate.leave(second)
        let expected = ClientGate.Statistics(current: 0, peak: 3, addresses: 0, admitted: 4, refused: 2, refusedForAddress: 1)
        #expect(gate.statistics == expected)
        #expect(ClientGate(maximum: 0).admit(first) == .full)
    }

    /// Every thread asks and leaves as fast as it can; nobody sees more than there may be.
    @Test func countsAreExactOnManyThreads() async throws {
        let gate = ClientGate(maximum: 20, maximumPerAddress: 7)
        let perAddress = NIOLockedValueBox([Int](repeating: 0, count: 4))
        try await withLoops(8) { group in
            let done = group.makeIterator().map { loop in
                loop.submit {
                    var generator = SystemRandomNumberGenerator()
                    let addresses = try (0..<4).map { number in
                        ClientAddress(try SocketAddress(ipAddress: "192.0.2.\(number)", port: 1), ipv6PrefixLength: 64)
                    }
                    var held: [Int] = []
                    var most = [0, 0]
                    for _ in 0..<20_000 {
                        let number = Int.random(in: 0..<4, using: &generator)
                        if Bool.random(using: &generator), gate.admit(addresses[number]) == .admitted {
                            held.append(number)
                            let counts = perAddress.withLockedValue { counts in
                                counts[number] += 1
                                return counts
                            }
                            most = [max(most[0], counts.max()!), max(most[1], counts.reduce(0, +))]
                        } else if let number = held.popLast() {
                            // Before it leaves: these are never more than the gate's own.
                            perAddress.withLockedValue { $0[number] -= 1 }
                            gate.leave(addresses[number])
                        }
                    }
                    for number in held {
                        perAddress.withLockedValue { $0[number] -= 1 }
                        gate.leave(addresses[number])
                    }
                    return most
                }
            }
            for future in done {
                let most = try await future.boundedGet()
                #expect(most[0] <= 7 && most[1] <= 20)
            }
        }
        let statistics = gate.statistics
        #expect(statistics.current == 0 && statistics.addresses == 0 && statistics.peak <= 20 && statistics.admitted > 0)
    }

    // MARK: Real sockets

    @Test func aThousandClientsWhereFiveHundredMayBe() async throws {
        try await withLoops(4) { group in
            let gate = ClientGate(maximum: 500, maximumPerAddress: 100_000)
            let server = try await Self.listen(gate, on: group)
            let address = server.localAddress!
            // All at once, and nobody leaves: exactly so many are in.
            let first = try await Self.connectMany(1000, address)
            var admitted: [Peer] = []
            for peer in first {
                let said = try await peer.text(until: "\n")
                if said == "welcome\n" { admitted.append(peer) } else { #expect(said == "no\n" || said == "") }
            }
            #expect(admitted.count == 500)
            var expected = ClientGate.Statistics(current: 500, peak: 500, addresses: 1, admitted: 500, refused: 500)
            #expect(gate.statistics == expected)
            // They leave in any order and any way while others come.
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for peer in admitted.shuffled() {
                    tasks.addTask { if Bool.random() { try await peer.close() } else { try await peer.reset() } }
                }
                for _ in 0..<16 {
                    tasks.addTask {
                        for _ in 0..<40 {
                            let peer = try await Peer.connect(to: address)
                            #expect(gate.statistics.current <= 500)
                            if Bool.random() { _ = try await peer.text(until: "\n") }
                            if Bool.random() { try? await peer.close() } else { try? await peer.reset() }
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            try await wait { gate.statistics.current == 0 }
            let end = gate.statistics
            expected = ClientGate.Statistics(current: 0, peak: 500, addresses: 0, admitted: end.admitted, refused: end.refused)
            #expect(end == expected)
            try await server.close().boundedGet()
        }
    }

    @Test func oneAddressDoesNotTakeTheRoomOfAnother() async throws {
        try await withLoops(2) { group in
            let gate = ClientGate(maximum: 100, maximumPerAddress: 3)
            let server = try await Self.listen(gate, on: group)
            let address = server.localAddress!
            var greedy: [Peer] = []
            for _ in 0..<3 { greedy.append(try await Self.client(address, from: "127.0.0.2", hears: "welcome\n")) }
            for _ in 0..<5 { _ = try await Self.client(address, from: "127.0.0.2", hears: "too many\n") }
            let other = try await Self.client(address, from: "127.0.0.3", hears: "welcome\n")
            #expect(gate.statistics.addresses == 2)
            try await greedy[0].close()
            try await wait { gate.statistics.current == 3 }
            _ = try await Self.client(address, from: "127.0.0.2", hears: "welcome\n")
            #expect(gate.statistics.refusedForAddress == 5 && gate.statistics.refused == 0)
            try await other.close()
            try await server.close().boundedGet()
        }
    }

    /// A socket of both families names IPv4 clients by mapped addresses.
    @Test func mappedAddressesAreIPv4Addresses() async throws {
        try await withLoops(1) { group in
            let gate = ClientGate(maximum: 100, maximumPerAddress: 1)
            let port: Int
            let both: any Channel
            do {
                both = try await Self.listen(gate, on: group, host: "::")
                port = both.localAddress!.port!
            } catch let error as IOError where error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL {
                return // a machine without IPv6
            }
            let one = try await Self.listen(gate, on: group)
            _ = try await Self.client(one.localAddress!, from: "127.0.0.1", hears: "welcome\n")
            _ = try await Self.client(try SocketAddress(ipAddress: "127.0.0.1", port: port), from: "127.0.0.1", hears: "too many\n")
            _ = try await Self.client(try SocketAddress(ipAddress: "::1", port: port), from: nil, hears: "welcome\n")
            try await both.close().boundedGet()
            try await one.close().boundedGet()
        }
    }

    @Test func unixSocketsCountInAllOnly() async throws {
        try await withLoops(1) { group in
            let gate = ClientGate(maximum: 3, maximumPerAddress: 1)
            let path = temporaryPath()
            let server = try await Self.bootstrap(gate, on: group).bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
                .boundedGet()
            let address = try SocketAddress(unixDomainSocketPath: path)
            for _ in 0..<3 { _ = try await Self.client(address, from: nil, hears: "welcome\n") }
            _ = try await Self.client(address, from: nil, hears: "no\n")
            #expect(gate.statistics.addresses == 0)
            try await server.close().boundedGet()
            unlink(path)
        }
    }

    // MARK: Support

    private static func bootstrap(_ gate: ClientGate, on group: any EventLoopGroup) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    switch gate.admit(channel) {
                    case .admitted: try channel.pipeline.syncOperations.addHandler(Welcome())
                    case .full: try ClientGate.turnAway(channel, saying: ByteBuffer(string: "no\n"))
                    case .fullForAddress: try ClientGate.turnAway(channel, saying: ByteBuffer(string: "too many\n"))
                    }
                }
            }
    }

    private static func listen(_ gate: ClientGate, on group: any EventLoopGroup, host: String = "127.0.0.1") async throws -> any Channel {
        try await self.bootstrap(gate, on: group).bind(host: host, port: 0).boundedGet()
    }

    private static func client(_ address: SocketAddress, from source: String?, hears text: String) async throws -> Peer {
        let peer = try await Peer.connect(to: address, from: source)
        let said = try await peer.text(until: "\n")
        #expect(said == text)
        return peer
    }

    private static func connectMany(_ count: Int, _ address: SocketAddress) async throws -> [Peer] {
        try await withThrowingTaskGroup(of: Peer.self) { tasks in
            for _ in 0..<count { tasks.addTask { try await Peer.connect(to: address) } }
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
    }

    private final class Welcome: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        func channelActive(context: ChannelHandlerContext) {
            context.writeAndFlush(NIOAny(ByteBuffer(string: "welcome\n")), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
