public import NIOCore
import WeirRESP

/// A command as it is sent: its name, its arguments, and what has to be known of it to send it. ``RedisCommand`` adds what its reply means.
///
/// Up to three arguments take no memory of their own, so that the usual commands cost no allocation.
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
extension RedisRequest: CustomStringConvertible {
    public var description: String { "\(self.name) (\(self.count) arguments)" }
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
    let first: Int16
    /// The last one's index; negative counts from the end, -1 being the last argument.
    let last: Int16
    /// From one to the next.
    let step: Int16

    /// - Parameters:
    ///   - first: the index of the first key among the arguments, from 0.
    ///   - last: that of the last; -1 for the last argument, -2 for the one before it.
    ///   - step: from one key to the next.
    public init(first: Int, last: Int, step: Int = 1) {
        self.first = Int16(first)
        self.last = Int16(last)
        self.step = Int16(step)
    }

    /// It has no keys.
    public static var none: RedisKeyPositions { RedisKeyPositions(first: -1, last: -1) }
    /// Its first argument is its key.
    public static var first: RedisKeyPositions { RedisKeyPositions(first: 0, last: 0) }
    /// All arguments are keys.
    public static var all: RedisKeyPositions { RedisKeyPositions(first: 0, last: -1) }

    func indices(count: Int) -> [Int] {
        let last = self.last < 0 ? count + Int(self.last) : Int(self.last)
        guard self.first >= 0, last >= Int(self.first), last < count else { return [] }
        return Array(stride(from: Int(self.first), through: last, by: Int(self.step)))
    }
}
