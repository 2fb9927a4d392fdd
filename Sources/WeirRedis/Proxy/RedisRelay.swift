import NIOCore
import WeirRESP

/// Takes what arrives on a ``RedisConnection`` as bytes, in place of the replies to its commands. Called on the loop.
protocol RedisRelay: AnyObject {
    func relayReceived(_ bytes: ByteBuffer)
    /// The socket takes more again, or no more for now.
    func relayWritabilityChanged(_ isWritable: Bool)
}

extension RESPFrameSplitter {
    /// For what a server answers to clients who are not us: nothing of it is kept, so that only what would stall a client for good is limited.
    static var forRelay: RESPFrameSplitter {
        RESPFrameSplitter(
            limits: RESPLimits(
                maximumLineLength: 16 * 1024 * 1024, maximumBulkLength: 1 << 40, maximumElements: 1 << 40, maximumFrameLength: 1 << 31),
            maximumDepth: 65_536)
    }
}
