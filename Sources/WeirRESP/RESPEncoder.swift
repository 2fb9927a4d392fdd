import NIOCore

/// The versions of the protocol. A connection speaks RESP2 until `HELLO 3`.
public enum RESPVersion: Int, Hashable, Sendable {
    case resp2 = 2
    case resp3 = 3
}

/// Writes ``RESPValue``s in a pipeline, for a server or a proxy that answers value by value.
///
/// What writes many values, as a client of pipelined commands does, had better append them to one buffer by the methods
/// that this module adds to `ByteBuffer`.
public struct RESPEncoder: MessageToByteEncoder {
    public typealias OutboundIn = RESPValue

    /// The version of the protocol that the peer understands.
    public var version: RESPVersion

    /// An encoder for a peer of this version.
    public init(version: RESPVersion = .resp2) {
        self.version = version
    }

    /// Appends the value. Never throws.
    public func encode(data: RESPValue, out: inout ByteBuffer) throws {
        out.writeRESP(data, version: self.version)
    }
}
