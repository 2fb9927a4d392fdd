public import NIOCore
import WeirRESP

/// A command as it is sent: its name, its arguments, and what has to be known of it to send it. ``RedisCommand`` adds what its reply means.
///
/// Up to two arguments take no memory of their own, so that the usual commands cost no allocation.
public struct RedisRequest: Sendable {
    @usableFromInline
    enum Arguments: Sendable {
        case none
        case one(ByteBuffer)
        case two(ByteBuffer, ByteBuffer)
        case many([ByteBuffer])
    }

    /// The command's name, as `GET`; in upper case for commands of this module.
    public let name: StaticString
    @usableFromInline let arguments: Arguments
    /// What it does to a connection, and what it needs of one.
    public var traits: RedisTraits
    /// Where its keys are.
    public let keys: RedisKeyPositions

    @inlinable
    init(_ name: StaticString, _ arguments: Arguments = .none, keys: RedisKeyPositions = .none, traits: RedisTraits = []) {
        self.name = name
        self.arguments = arguments
        self.keys = keys
        self.traits = traits
    }

    /// How many arguments there are, without the name.
    public var count: Int {
        switch self.arguments {
        case .none: return 0
        case .one: return 1
        case .two: return 2
        case .many(let arguments): return arguments.count
        }
    }

    /// The argument at an index from 0.
    public subscript(index: Int) -> ByteBuffer {
        switch (self.arguments, index) {
        case (.one(let argument), 0), (.two(let argument, _), 0), (.two(_, let argument), 1): return argument
        case (.many(let arguments), _): return arguments[index]
        case (.none, _), (.one, _), (.two, _): preconditionFailure("argument \(index) of \(self.count)")
        }
    }

    /// Its keys, in their order: what decides where in a cluster it goes.
    public var keyArguments: [ByteBuffer] { self.keys.indices(count: self.count).map { self[$0] } }

    /// Whether it runs a program of the user's, of which a part may have run when the server refuses another part.
    var runsScript: Bool {
        var name = "\(self.name)"
        if name.isEmpty, case .many(let parts) = self.arguments { name = RedisTraits.word(parts, 0) }
        return ["EVAL", "EVALSHA", "FCALL"].contains(name)
    }

    /// Appends it as it goes over the wire.
    func encode(into buffer: inout ByteBuffer) {
        switch self.arguments {
        case .none: buffer.writeRESPCommand(self.name)
        case .one(let argument): buffer.writeRESPCommand(self.name, argument)
        case .two(let first, let second): buffer.writeRESPCommand(self.name, first, second)
        // A command by parts brings its name with them.
        case .many(let arguments):
            if self.name.utf8CodeUnitCount == 0 {
                buffer.writeRESPCommand(parts: arguments)
            } else {
                buffer.writeRESPCommand(self.name, arguments)
            }
        }
    }
}

/// Shows the name only: arguments may be secret.
extension RedisRequest: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(self.name) (\(self.count) arguments)" }
    public var customMirror: Mirror { Mirror(self, children: ["request": self.description]) }
}

/// What a command does to its connection, and what it needs of one.
public struct RedisTraits: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// May be sent again if the connection is lost before its reply: running it twice is as good as once to its caller.
    public static let repeatable = RedisTraits(rawValue: 1)
    /// Keeps the server from answering what follows on the connection.
    public static let blocking = RedisTraits(rawValue: 2)
    /// Leaves the connection in another state for what follows: a database, a user, a transaction, watched keys, a protocol.
    public static let changesConnection = RedisTraits(rawValue: 4)
    /// As ``changesConnection``, until the next transaction ends: `WATCH`.
    public static let watches: RedisTraits = [.changesConnection, RedisTraits(rawValue: 16)]
    /// Answered by none or by more than one reply, which no connection here could match: refused.
    public static let breaksOrder = RedisTraits(rawValue: 8)
}

/// Where a command has its keys among its arguments.
public struct RedisKeyPositions: Sendable, Hashable {
    /// The first one's index; negative if there are none.
    let first: Int32
    /// The last one's index; negative counts from the end, -1 being the last argument.
    let last: Int32
    /// From one to the next.
    let step: Int32
    /// One more beside them, as the destination of `ZUNIONSTORE`; negative if there is none.
    private(set) var other: Int32

    /// - Parameters:
    ///   - first: the index of the first key among the arguments, from 0.
    ///   - last: that of the last; -1 for the last argument, -2 for the one before it.
    ///   - step: from one key to the next.
    /// - Precondition: `step` is positive.
    public init(first: Int, last: Int, step: Int = 1) {
        precondition(step > 0, "keys are found from the first to the last")
        self.first = Int32(first)
        self.last = Int32(last)
        self.step = Int32(step)
        self.other = -1
    }

    /// `count` keys one behind the other, the first of them at an index from 0.
    public static func counted(_ count: Int, at first: Int) -> RedisKeyPositions {
        count > 0 ? RedisKeyPositions(first: first, last: first + count - 1) : .none
    }

    /// The same, and one more key at an index from 0.
    public func and(_ index: Int) -> RedisKeyPositions {
        var positions = self
        positions.other = Int32(index)
        return positions
    }

    /// It has no keys.
    public static var none: RedisKeyPositions { RedisKeyPositions(first: -1, last: -1) }
    /// Its first argument is its key.
    public static var first: RedisKeyPositions { RedisKeyPositions(first: 0, last: 0) }
    /// Its first two arguments are its keys.
    public static var firstTwo: RedisKeyPositions { RedisKeyPositions(first: 0, last: 1) }
    /// Its second argument is its key.
    public static var second: RedisKeyPositions { RedisKeyPositions(first: 1, last: 1) }
    /// All arguments are keys.
    public static var all: RedisKeyPositions { RedisKeyPositions(first: 0, last: -1) }
    /// All arguments but the last are keys.
    public static var allButLast: RedisKeyPositions { RedisKeyPositions(first: 0, last: -2) }

    /// The same, for arguments with so many others in front of them.
    func moved(by count: Int) -> RedisKeyPositions {
        guard self.first >= 0 else { return self }
        let last = Int(self.last) < 0 ? Int(self.last) : Int(self.last) + count
        let moved = RedisKeyPositions(first: Int(self.first) + count, last: last, step: Int(self.step))
        return self.other < 0 ? moved : moved.and(Int(self.other) + count)
    }

    /// The indices of the keys among so many arguments, in ascending order.
    func indices(count: Int) -> [Int] {
        let last = self.last < 0 ? count + Int(self.last) : Int(self.last)
        var indices: [Int] = []
        if self.first >= 0, last >= Int(self.first), last < count {
            indices = Array(stride(from: Int(self.first), through: last, by: Int(self.step)))
        }
        let other = Int(self.other)
        if other >= 0, other < count, !indices.contains(other) {
            indices.insert(other, at: indices.firstIndex { $0 > other } ?? indices.count)
        }
        return indices
    }
}
