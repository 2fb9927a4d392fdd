import NIOCore
import WeirRESP

/// Puts the arguments of a command one behind the other.
struct RedisArgumentList {
    private(set) var buffers: [ByteBuffer] = []

    /// Appends the arguments in their order.
    mutating func add<each Argument: RedisArgument>(_ argument: repeat each Argument) {
        repeat self.buffers.append((each argument).redisArgument)
    }

    /// Appends every one.
    mutating func all(_ arguments: some Sequence<some RedisArgument>) {
        self.buffers.reserveCapacity(self.buffers.count + arguments.underestimatedCount)
        for argument in arguments { self.buffers.append(argument.redisArgument) }
    }

    /// Appends how many there are, and then every one.
    mutating func counted(_ arguments: [some RedisArgument]) {
        self.add(arguments.count)
        self.all(arguments)
    }

    /// Appends each key with its value behind it.
    mutating func pairs<Key: RedisArgument, Value: RedisArgument>(_ pairs: some Sequence<(key: Key, value: Value)>) {
        for (key, value) in pairs { self.add(key, value) }
    }

    /// Appends a word of the command's syntax.
    mutating func word(_ word: StaticString, if isThere: Bool = true) {
        if isThere { self.buffers.append(ByteBuffer(staticString: word)) }
    }

    /// Appends a word of the command's syntax with the value behind it; nothing without a value.
    mutating func option(_ word: StaticString, _ value: (some RedisArgument)?) {
        guard let value else { return }
        self.word(word)
        self.add(value)
    }
}

extension RedisRequest.Arguments {
    static func list(_ build: (inout RedisArgumentList) -> Void) -> RedisRequest.Arguments {
        var list = RedisArgumentList()
        build(&list)
        return .many(list.buffers)
    }
}

extension RedisCommand {
    /// A command whose arguments are put together by the closure.
    init(
        _ name: StaticString, keys: RedisKeyPositions = .none, traits: RedisTraits = [],
        decode: @escaping @Sendable (RESPFrame) throws -> Reply, _ build: (inout RedisArgumentList) -> Void
    ) {
        self.init(name, .list(build), keys: keys, traits: traits, decode: decode)
    }
}

extension TimeAmount {
    /// In whole milliseconds, rounded up, at least one.
    var redisMilliseconds: Int64 {
        max(1, self.nanoseconds / 1_000_000 + (self.nanoseconds % 1_000_000 > 0 ? 1 : 0))
    }

    /// As a timeout of a blocking command: in seconds, with a fraction only if there is one, as servers before 6.0 know none.
    var redisSeconds: String {
        let milliseconds = self.redisMilliseconds
        return milliseconds % 1000 == 0 ? String(milliseconds / 1000) : (Double(milliseconds) / 1000).description
    }
}

extension Optional where Wrapped == TimeAmount {
    /// As a timeout of a blocking command; 0, without end, for nil.
    var redisTimeout: String { self?.redisSeconds ?? "0" }
}
