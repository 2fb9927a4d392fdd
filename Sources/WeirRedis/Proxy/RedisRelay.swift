import NIOCore

/// Takes what arrives on a ``RedisConnection`` as bytes, in place of the replies to its commands. Called on the loop.
protocol RedisRelay: AnyObject {
    func relayReceived(_ bytes: ByteBuffer)
    /// The socket takes more again, or no more for now.
    func relayWritabilityChanged(_ isWritable: Bool)
}
