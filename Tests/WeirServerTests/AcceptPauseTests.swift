import Foundation
import NIOCore
import NIOPosix
import Testing
import WeirServer

@Suite struct AcceptPauseTests {
    /// The kernel's failure is made up; that of the Gateway is real.
    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM]) func stopsForAMoment(code: CInt) async throws {
        try await withLoops(1) { group in
            let server = try await Self.listen(group, time: .hours(1))
            server.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
            #expect(try await server.getOption(.autoRead).boundedGet() == false)
            try await server.close().boundedGet()
        }
        try await withLoops(1) { group in
            let server = try await Self.listen(group, time: .milliseconds(1))
            for _ in 0..<3 { server.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept")) }
            try await wait { try await server.getOption(.autoRead).boundedGet() }
            let peer = try await Peer.connect(to: server.localAddress!)
            #expect(try await peer.text(until: "in") == "in")
            // Closed while it pauses.
            server.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
            try await server.close().boundedGet()
        }
    }

    @Test func otherErrorsAreNoReason() async throws {
        try await withLoops(1) { group in
            let server = try await Self.listen(group, time: .hours(1))
            server.pipeline.fireErrorCaught(IOError(errnoCode: ECONNABORTED, reason: "accept"))
            server.pipeline.fireErrorCaught(ChannelError.inputClosed)
            #expect(try await server.getOption(.autoRead).boundedGet())
            try await server.close().boundedGet()
        }
    }

    private static func listen(_ group: any EventLoopGroup, time: TimeAmount) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptPause(time: time)) }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try ClientGate.turnAway(channel, saying: ByteBuffer(string: "in"))
                }
            }
            .bind(host: "127.0.0.1", port: 0).boundedGet()
    }
}
