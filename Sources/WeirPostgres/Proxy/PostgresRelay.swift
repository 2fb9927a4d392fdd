import NIOCore
import WeirPostgresWire

/// Takes what arrives on a ``PostgresConnection`` as bytes, in place of the results of its statements. Called on the loop.
protocol PostgresRelay: AnyObject {
    func relayReceived(_ bytes: ByteBuffer)
    /// The socket takes more again, or no more for now.
    func relayWritabilityChanged(_ isWritable: Bool)
}

/// The connection is lent to a relay, and has no statements of its own meanwhile.
extension PostgresConnection {
    /// - Precondition: nothing is due.
    func beginRelay(_ relay: any PostgresRelay) {
        precondition(self.isIdle && self.relay == nil, "a connection that is in use")
        self.relay = relay
        if !self.isProcessing { self.handOver() }
    }

    /// The beginning of a message that nobody asked for is the relay's, too.
    func handOver() {
        let input = self.state.pointee.input
        guard input.readableBytes > 0, let relay else { return }
        self.state.pointee.input = ByteBuffer()
        relay.relayReceived(input)
    }

    /// - Parameter status: what the last ReadyForQuery said.
    func endRelay(_ status: PostgresTransactionStatus) {
        self.relay = nil
        self.state.pointee.status = status
    }

    /// Hands bytes to the socket; they go with ``flushRelayed()``.
    @inline(__always)
    func writeRelayed(_ bytes: ByteBuffer) { self.context?.write(Self.wrapOutboundOut(bytes), promise: nil) }

    @inline(__always)
    func flushRelayed() { self.context?.flush() }
}
