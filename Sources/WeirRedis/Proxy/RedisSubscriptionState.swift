import NIOCore
import WeirRESP

/// Which commands of a client with subscriptions have been answered, and whether it has any left.
///
/// `SUBSCRIBE` and its like are answered once for each topic, `UNSUBSCRIBE` without topics once for each that there was, and messages come
/// between. A value without any I/O.
struct RedisSubscriptionState {
    enum Kind: Int {
        case channel, pattern, shard

        /// Of a command's name or of the word that begins its confirmations.
        init?(_ word: some StringProtocol) {
            switch word.lowercased() {
            case "subscribe", "unsubscribe": self = .channel
            case "psubscribe", "punsubscribe": self = .pattern
            case "ssubscribe", "sunsubscribe": self = .shard
            default: return nil
            }
        }
    }

    private enum Due {
        case reply(RedisLeasedRelay.Due)
        case confirmations(Kind, Int)
        /// Until none is left.
        case endOfAll(Kind)
    }

    private var due = CircularBuffer<Due>()
    private var counts = [0, 0, 0]

    /// Something was subscribed to, as far as is known.
    var isSubscribed: Bool { self.counts.contains { $0 > 0 } }
    var isQuiet: Bool { self.due.isEmpty }

    /// Commands that are answered by one reply each.
    mutating func sent(replies count: Int, _ due: RedisLeasedRelay.Due = .passed) {
        for _ in 0..<count { self.due.append(.reply(due)) }
    }

    /// - Parameter topics: how many the command names.
    mutating func sent(_ word: some StringProtocol, topics: Int) {
        guard let kind = Kind(word) else { return self.due.append(.reply(.passed)) }
        let ends = word.lowercased().contains("unsub")
        // Without topics to subscribe to it is an error.
        self.due.append(topics > 0 ? .confirmations(kind, topics) : ends ? .endOfAll(kind) : .reply(.passed))
    }

    /// A value that has come.
    ///
    /// - Returns: what was due, if a command has been answered with this; and whether it is of a subscription, and no reply.
    mutating func received(_ value: ByteBuffer, version: RESPVersion) -> (due: RedisLeasedRelay.Due?, isPush: Bool) {
        // RESP3 pushes all that is of subscriptions. In RESP2 nothing else may be asked for while there are some.
        let isPush = value.readableBytesView.first == RESPKind.push.rawValue
        let mayBePush = isPush || version == .resp2 && (self.isSubscribed || self.isConfirmationDue)
        if mayBePush, let frame = try? RESPFrame(value) {
            if let (kind, total) = Self.confirmation(frame) { return (self.confirmed(kind, total: total) ? .passed : nil, true) }
            if isPush || self.isSubscribed && Self.isMessage(frame) { return (nil, true) }
        }
        if isPush { return (nil, true) }
        switch self.due.popFirst() {
        case .reply(let due): return (due, false)
        // An error is all that a refused SUBSCRIBE is answered with.
        case .confirmations, .endOfAll: return (.passed, false)
        case nil: return (nil, false)
        }
    }

    private var isConfirmationDue: Bool {
        switch self.due.first {
        case .confirmations, .endOfAll: true
        case .reply, nil: false
        }
    }

    private mutating func confirmed(_ kind: Kind, total: Int) -> Bool {
        // Channels and patterns are counted together.
        let others = kind == .channel ? self.counts[Kind.pattern.rawValue] : kind == .pattern ? self.counts[Kind.channel.rawValue] : 0
        self.counts[kind.rawValue] = max(0, total - others)
        switch self.due.first {
        case .confirmations(kind, let left) where left > 1:
            self.due[self.due.startIndex] = .confirmations(kind, left - 1)
            return false
        case .confirmations(kind, _):
            self.due.removeFirst()
            return true
        case .endOfAll(kind) where self.counts[kind.rawValue] == 0:
            self.due.removeFirst()
            return true
        default:
            // The server has ended one by itself.
            return false
        }
    }

    private static func confirmation(_ frame: RESPFrame) -> (Kind, total: Int)? {
        guard frame.kind == .push || frame.kind == .array, let elements = frame.elements, elements.count == 3 else { return nil }
        var iterator = elements.makeIterator()
        guard let word = iterator.next()?.string, word.readableBytes <= 12, let kind = Kind(String(buffer: word)) else { return nil }
        _ = iterator.next()
        guard let total = iterator.next()?.integer else { return nil }
        return (kind, Int(clamping: total))
    }

    private static func isMessage(_ frame: RESPFrame) -> Bool {
        guard frame.kind == .array, let word = frame.elements?.first(where: { _ in true })?.string else { return false }
        return ["message", "pmessage", "smessage"].contains(String(buffer: word))
    }
}
