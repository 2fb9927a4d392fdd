import NIOConcurrencyHelpers
import NIOCore

/// Decides whether one more client comes in: so many in all, so many from one address.
///
///     let gate = ClientGate(maximum: 10_000, maximumPerAddress: 100)
///     ServerBootstrap(group: group).childChannelInitializer { channel in
///         channel.eventLoop.makeCompletedFuture {
///             guard gate.admit(channel) == .admitted else { return try ClientGate.turnAway(channel) }
///             …
///
/// A client is counted as it comes and as its channel closes, never in between, whatever it asks for. The counts are exact: all loops
/// count in one place, behind a lock that is held for less than a microsecond.
///
/// An IPv4 address and the IPv6 address that it is mapped to are one address. Clients of Unix sockets count in all only, as does
/// one that is gone before it was looked at. An address without clients takes no memory.
public final class ClientGate: Sendable {
    /// Whether a client is let in.
    public enum Admission: Hashable, Sendable {
        /// It is in, and counted until its channel is closed.
        case admitted
        /// There are as many clients as there may be.
        case full
        /// There are as many clients from its address as there may be.
        case fullForAddress
    }

    /// The counts at one moment.
    public struct Statistics: Hashable, Sendable {
        /// Clients that are in.
        public var current = 0
        /// The most that were in at a time.
        public var peak = 0
        /// Addresses with clients that are in; 0 where clients are not limited by address.
        public var addresses = 0
        /// Clients that were let in, from the start.
        public var admitted: UInt64 = 0
        /// Clients that were refused because there were too many in all.
        public var refused: UInt64 = 0
        /// Clients that were refused because there were too many from their address.
        public var refusedForAddress: UInt64 = 0
    }

    private struct State {
        var statistics = Statistics()
        var counts: [ClientAddress: Int] = [:]
    }

    /// How many clients there may be.
    public let maximum: Int
    /// How many clients there may be from one address.
    public let maximumPerAddress: Int?
    /// How many bits of an IPv6 address tell clients apart.
    public let ipv6PrefixLength: Int
    private let state = NIOLockedValueBox(State())

    /// - Parameters:
    ///   - maximum: How many clients there may be.
    ///   - maximumPerAddress: How many of them may come from one address. Nil: no limit.
    ///   - ipv6PrefixLength: How many bits of an IPv6 address tell clients apart, 1 to 128. Whoever has one address of the IPv6
    ///     internet has 2⁶⁴ of them: with 128 bits the limit is none for him.
    public init(maximum: Int, maximumPerAddress: Int? = nil, ipv6PrefixLength: Int = 64) {
        precondition(maximum >= 0, "ClientGate: there cannot be less than no clients")
        precondition(maximumPerAddress ?? 1 >= 1, "ClientGate: an address may have one client at least")
        precondition((1...128).contains(ipv6PrefixLength), "ClientGate: an IPv6 address has 128 bits")
        self.maximum = maximum
        self.maximumPerAddress = maximumPerAddress
        self.ipv6PrefixLength = ipv6PrefixLength
    }

    /// Lets a client in if there is room; it leaves by itself when its channel closes. May be called on any thread; ask once for each
    /// channel, in its initializer.
    ///
    /// - Complexity: O(1), a lock, and a callback of the channel's `closeFuture`.
    public func admit(_ channel: any Channel) -> Admission {
        let address = self.maximumPerAddress == nil ? nil : ClientAddress(channel.remoteAddress, ipv6PrefixLength: self.ipv6PrefixLength)
        let admission = self.admit(address)
        if admission == .admitted { channel.closeFuture.whenComplete { _ in self.leave(address) } }
        return admission
    }

    /// The counts. May be called on any thread.
    public var statistics: Statistics {
        self.state.withLockedValue {
            var statistics = $0.statistics
            statistics.addresses = $0.counts.count
            return statistics
        }
    }

    /// Has a channel that was not admitted say why, if there is anything to say, and close. Call it in the channel's initializer.
    ///
    /// The client may miss the message: it is reset if it had said something that nobody read. Nothing waits for it.
    ///
    /// - Parameters:
    ///   - channel: What was just accepted; with no handlers, or with handlers that turn a `ByteBuffer` into what its client can read.
    ///   - message: What is said.
    public static func turnAway(_ channel: any Channel, saying message: ByteBuffer = ByteBuffer()) throws {
        try channel.pipeline.syncOperations.addHandler(FarewellHandler(message))
    }

    // MARK: Inside

    func admit(_ address: ClientAddress?) -> Admission {
        self.state.withLockedValue { state in
            guard state.statistics.current < self.maximum else {
                state.statistics.refused += 1
                return .full
            }
            if let address, let limit = self.maximumPerAddress {
                let count = state.counts[address, default: 0]
                guard count < limit else {
                    state.statistics.refusedForAddress += 1
                    return .fullForAddress
                }
                state.counts[address] = count + 1
            }
            state.statistics.current += 1
            state.statistics.admitted += 1
            state.statistics.peak = max(state.statistics.peak, state.statistics.current)
            return .admitted
        }
    }

    func leave(_ address: ClientAddress?) {
        self.state.withLockedValue { state in
            state.statistics.current -= 1
            assert(state.statistics.current >= 0, "ClientGate: more clients left than came")
            guard let address, let count = state.counts[address] else { return }
            state.counts[address] = count > 1 ? count - 1 : nil
            // A dictionary keeps the room that it once had.
            if state.counts.isEmpty { state.counts = [:] }
        }
    }
}

/// Says one thing and closes.
private final class FarewellHandler: ChannelInboundHandler {
    typealias InboundIn = Never
    typealias OutboundOut = ByteBuffer

    private let message: ByteBuffer

    init(_ message: ByteBuffer) { self.message = message }

    func channelActive(context: ChannelHandlerContext) {
        // What a new socket does not take at once is not waited for.
        if self.message.readableBytes > 0 { context.writeAndFlush(Self.wrapOutboundOut(self.message), promise: nil) }
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
