import NIOCore
import WeirRESP

@testable import WeirRedis

/// Somewhere to publish: a channel, or a channel of a shard of the same name, which has nothing to do with it.
struct SoakTarget: Hashable, Sendable, CustomStringConvertible {
    let kind: RedisTopic.Kind
    let name: String

    var description: String { "\(self.kind) \(self.name)" }
    var command: String { self.kind == .shard ? "SPUBLISH" : "PUBLISH" }

    /// Whether what is published here is heard by who has subscribed to the topic. Patterns are a name, and `*` or `[...]` for its last letter.
    func fits(_ topic: RedisTopic) -> Bool {
        let text = String(buffer: topic.name)
        switch topic.kind {
        case .channel, .shard: return topic.kind == self.kind && text == self.name
        case .pattern:
            guard self.kind == .channel, let last = self.name.last else { return false }
            if text.hasSuffix("*") { return self.name.hasPrefix(text.dropLast()) }
            guard let open = text.firstIndex(of: "[") else { return text == self.name }
            return self.name.dropLast() == text[..<open] && text[open...].contains(last)
        }
    }
}

/// One subscription's ears: holds each thing it is told against what it may be told.
final class SoakListener: RedisSubscriber {
    private struct Source: Hashable {
        let topic: RedisTopic
        let target: SoakTarget
    }

    let topics: Set<RedisTopic>
    /// What is done within a message, now and then.
    var onMessage: (() -> Void)?
    private let report: (String) -> Void
    private var confirmed: Set<RedisTopic> = []
    private var last: [Source: Int] = [:]
    /// What may have a gap before its next message.
    private var interrupted: Set<Source> = []
    private(set) var isEnded = false
    private(set) var messages = 0
    private(set) var interruptions = 0

    init(_ topics: Set<RedisTopic>, report: @escaping (String) -> Void) {
        self.topics = topics
        self.report = report
    }

    func end() { self.isEnded = true }

    var isConfirmed: Bool { self.confirmed == self.topics }

    /// Whether it has heard what was published last, everywhere it listens.
    func hasHeard(_ published: [SoakTarget: Int]) -> Bool {
        self.topics.allSatisfy { topic in
            published.allSatisfy { target, number in
                !target.fits(topic) || self.last[Source(topic: topic, target: target)] ?? -1 >= number
            }
        }
    }

    func redisSubscribed(to topic: RedisTopic) {
        if self.isEnded { self.report("confirmed after the end") }
        if !self.topics.contains(topic) { self.report("confirmed what was not asked for: \(topic)") }
        self.confirmed.insert(topic)
    }

    func redisMessage(_ message: RedisMessage) {
        self.messages += 1
        let parts = String(buffer: message.payload).split(separator: " ")
        let kind: RedisTopic.Kind = message.topic.kind == .shard ? .shard : .channel
        let target = SoakTarget(kind: kind, name: String(buffer: message.channel))
        if self.isEnded { self.report("a message after the end, of \(target)") }
        if !self.topics.contains(message.topic) { self.report("a message of \(message.topic), not subscribed to") }
        if !self.confirmed.contains(message.topic) { self.report("a message of \(message.topic), not confirmed") }
        if !target.fits(message.topic) { self.report("\(target) does not fit \(message.topic)") }
        guard parts.count == 3, let number = Int(parts[2]), parts[0] == "\(kind)", parts[1] == target.name else {
            return self.report("\(target) has another's message: \(String(buffer: message.payload))")
        }
        let source = Source(topic: message.topic, target: target)
        if let last = self.last[source] {
            let mayHaveGap = self.interrupted.remove(source) != nil
            if number <= last { self.report("\(number) after \(last) of \(source)") }
            if number > last + 1, !mayHaveGap { self.report("\(last + 1) to \(number - 1) of \(source) are missing") }
        }
        self.last[source] = number
        self.onMessage?()
    }

    func redisInterrupted(_ error: RedisError) {
        if self.isEnded { self.report("interrupted after the end") }
        self.interruptions += 1
        self.confirmed = []
        self.interrupted.formUnion(self.last.keys)
    }

    func redisSubscriptionEnded(_ error: RedisError) { self.report("ended: \(error)") }
}
