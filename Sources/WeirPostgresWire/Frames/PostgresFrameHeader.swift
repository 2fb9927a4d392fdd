/// What is known of a message from its first bytes: five of them, eight of a start-up packet, one of the answer to a request for encryption.
public struct PostgresFrameHeader: Hashable, Sendable {
    /// Its first byte, which names the message; 0 of a start-up packet, which has none.
    public let tag: UInt8
    /// Of a start-up packet, the version or the code of the request; 0 of everything else.
    public let requestCode: UInt32
    /// Bytes of the whole message, its tag and length included.
    public let length: Int

    @inlinable @inline(__always)
    init(tag: UInt8, requestCode: UInt32 = 0, length: Int) {
        self.tag = tag
        self.requestCode = requestCode
        self.length = length
    }

    /// How many of ``length`` come before what the message carries.
    @inlinable
    public var payloadOffset: Int { self.tag == 0 ? 4 : min(self.length, 5) }
}
