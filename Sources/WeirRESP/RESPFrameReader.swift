import NIOCore

/// Cuts what a socket delivers into frames, for a handler that decodes by itself: frames as slices of what was read, and no memory of its
/// own as long as reads end where frames end.
///
/// A frame that comes in several reads is put together in one buffer, which grows by doubling: linear in the bytes. A value type of one
/// connection.
public struct RESPFrameReader: Sendable {
    private var scanner: RESPFrameScanner
    /// What has not been handed out.
    private(set) var unread = ByteBuffer()
    /// What was found whole at the beginning of it.
    private var whole = RESPFrameLengths()

    /// A reader with these limits.
    public init(limits: RESPLimits = RESPLimits()) {
        self.scanner = RESPFrameScanner(limits: limits)
    }

    /// How many bytes there are that were not handed out in a frame. None after an error.
    public var unreadBytes: Int { self.unread.readableBytes }

    /// Takes what was read. After an error it is dropped.
    public mutating func append(_ bytes: ByteBuffer) {
        guard self.scanner.failure == nil else { return }
        self.unread.takeUnread(bytes)
    }

    /// The next frame, or nil if it is not whole yet.
    ///
    /// - Throws: ``RESPError``; there are no more frames then, and the same is thrown again.
    public mutating func next() throws(RESPError) -> RESPFrame? {
        if self.whole.isEmpty {
            guard self.unread.readableBytes > 0 else {
                if let failure = self.scanner.failure { throw failure }
                return nil
            }
            do throws(RESPError) {
                try self.scanner.scan(self.unread, into: &self.whole)
            } catch {
                self.unread = ByteBuffer()
                throw error
            }
            if self.whole.isEmpty { return nil }
        }
        guard let frame = self.unread.readSlice(length: self.whole.popFirst()) else { preconditionFailure("scanned and not there") }
        // Whoever reads next may use the memory again when the frames are gone.
        if self.unread.readableBytes == 0 { self.unread = ByteBuffer() }
        return RESPFrame(checked: frame)
    }
}

extension ByteBuffer {
    /// Appends to what has not been read of this buffer. Bytes that have been read are left behind, as frames may hold them.
    mutating func takeUnread(_ bytes: ByteBuffer) {
        if self.readableBytes == 0 {
            self = bytes
        } else if self.readerIndex == 0 {
            self.writeImmutableBuffer(bytes)
        } else {
            var joined = ByteBufferAllocator().buffer(capacity: self.readableBytes + max(self.readableBytes, bytes.readableBytes))
            joined.writeImmutableBuffer(self)
            joined.writeImmutableBuffer(bytes)
            self = joined
        }
    }
}
