/// How many commands of a client may be under way: few as long as nothing is known of its replies, and fewer where they are large, as all that
/// it has asked for stands before what others ask for. A value without any I/O.
struct RedisProxyWindow {
    private(set) var size = 16
    /// Of a reply, as a moving mean.
    private var replyBytes = 0
    /// Of replies that have not ended.
    private var bytes = 0

    /// What a client's replies may come to at a time.
    private static var maximumBytes: Int { 4 * 1024 * 1024 }
    private static var smallReply: Int { 4096 }

    @inline(__always)
    mutating func delivered(_ count: Int, completed: Int, maximum: Int) {
        self.bytes &+= count
        guard completed > 0 else { return }
        if self.bytes <= Self.smallReply, self.replyBytes <= Self.smallReply {
            if self.size < maximum { self.size = min(maximum, self.size &+ completed) }
        } else {
            self.adjust(completed, maximum)
        }
        self.bytes = 0
    }

    private mutating func adjust(_ completed: Int, _ maximum: Int) {
        self.replyBytes = (self.replyBytes * 3 + self.bytes / completed) / 4
        let largest = max(4, Self.maximumBytes / max(1, self.replyBytes))
        self.size = min(maximum, largest, self.size + completed)
    }
}
