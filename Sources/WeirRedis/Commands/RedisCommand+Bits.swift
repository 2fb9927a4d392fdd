import NIOCore
import WeirRESP

/// A part of a string whose bits are looked at; both ends included, negative ones count from the end.
public struct RedisBitRange: Sendable, Hashable {
    private var first: Int
    private var last: Int
    private var isBits: Bool

    /// From one byte to the other.
    public static func bytes(from first: Int, to last: Int = -1) -> RedisBitRange { RedisBitRange(first: first, last: last, isBits: false) }

    /// From one bit to the other. Redis 7.0.
    public static func bits(from first: Int, to last: Int = -1) -> RedisBitRange { RedisBitRange(first: first, last: last, isBits: true) }

    func add(to list: inout RedisArgumentList) {
        list.add(self.first, self.last)
        list.word("BIT", if: self.isBits)
    }
}

/// How bits of strings are put together.
public enum RedisBitOperation: String, Sendable, Hashable, CaseIterable {
    /// Set where all are.
    case and = "AND"
    /// Set where any is.
    case or = "OR"
    /// Set where an odd number is.
    case xor = "XOR"
    /// Set where it was not: of one string only.
    case not = "NOT"
}

/// What `BITFIELD` does to one integer somewhere in a string.
public struct RedisBitField: Sendable, Hashable {
    /// How wide an integer is.
    public enum Width: Sendable, Hashable {
        /// With a sign, of 1 to 64 bits.
        case signed(Int)
        /// Without a sign, of 1 to 63 bits.
        case unsigned(Int)

        var text: String {
            switch self {
            case .signed(let bits): "i\(bits)"
            case .unsigned(let bits): "u\(bits)"
            }
        }
    }

    /// Where an integer begins.
    public enum Offset: Sendable, Hashable {
        /// At this bit.
        case bit(Int)
        /// Behind so many integers of the same width.
        case index(Int)

        var text: String {
            switch self {
            case .bit(let bit): String(bit)
            case .index(let index): "#\(index)"
            }
        }
    }

    /// What becomes of a number that is too large for its width.
    public enum Overflow: String, Sendable, Hashable {
        /// Counts on from the other end.
        case wrap = "WRAP"
        /// Stays at the end.
        case saturate = "SAT"
        /// Nothing is done, and the reply is nil.
        case fail = "FAIL"
    }

    private var words: [String]

    /// What it is.
    public static func get(_ width: Width, at offset: Offset) -> RedisBitField {
        RedisBitField(words: ["GET", width.text, offset.text])
    }

    /// Sets it; the reply is what it was.
    public static func set(_ width: Width, at offset: Offset, to value: Int, overflow: Overflow = .wrap) -> RedisBitField {
        RedisBitField(words: ["OVERFLOW", overflow.rawValue, "SET", width.text, offset.text, String(value)])
    }

    /// Adds to it; the reply is what it is then.
    public static func increment(_ width: Width, at offset: Offset, by value: Int, overflow: Overflow = .wrap) -> RedisBitField {
        RedisBitField(words: ["OVERFLOW", overflow.rawValue, "INCRBY", width.text, offset.text, String(value)])
    }

    func add(to list: inout RedisArgumentList) { list.all(self.words) }
}

/// Bits of strings, the highest of the first byte being bit 0.
extension RedisCommand {
    /// `GETBIT key offset`: whether it is set.
    public static func getbit(_ key: some RedisArgument, _ offset: Int) -> RedisCommand where Reply == Bool {
        RedisCommand("GETBIT", .two(key.redisArgument, offset.redisArgument), keys: .first, decode: RedisReplies.flag)
    }

    /// `SETBIT key offset value`: whether it was set.
    public static func setbit(_ key: some RedisArgument, _ offset: Int, to isSet: Bool) -> RedisCommand where Reply == Bool {
        RedisCommand("SETBIT", keys: .first, decode: RedisReplies.flag) { $0.add(key, offset, isSet ? 1 : 0) }
    }

    /// `BITCOUNT key`: how many are set.
    public static func bitcount(_ key: some RedisArgument, _ range: RedisBitRange? = nil) -> RedisCommand where Reply == Int {
        RedisCommand("BITCOUNT", keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            range?.add(to: &$0)
        }
    }

    /// `BITPOS key bit`: which is the first that is set, or the first that is not; nil without one. Behind a string that has only set
    /// ones, and without a range, there is one that is not.
    public static func bitpos(_ key: some RedisArgument, _ isSet: Bool, _ range: RedisBitRange? = nil) -> RedisCommand
    where Reply == Int? {
        let decode: @Sendable (RESPFrame) throws -> Int? = {
            let position = try RedisReplies.integer($0)
            return position < 0 ? nil : position
        }
        return RedisCommand("BITPOS", keys: .first, decode: decode) {
            $0.add(key, isSet ? 1 : 0)
            range?.add(to: &$0)
        }
    }

    /// `BITOP operation destination key…`: how many bytes the destination has then.
    public static func bitop(_ operation: RedisBitOperation, _ keys: [some RedisArgument], in destination: some RedisArgument)
        -> RedisCommand
    where Reply == Int {
        RedisCommand("BITOP", keys: RedisKeyPositions(first: 1, last: -1), decode: RedisReplies.integer) {
            $0.add(operation.rawValue, destination)
            $0.all(keys)
        }
    }

    /// `BITFIELD key operation…`: one number for each operation, nil where an overflow was to fail.
    public static func bitfield(_ key: some RedisArgument, _ operations: [RedisBitField]) -> RedisCommand where Reply == [Int?] {
        RedisCommand("BITFIELD", keys: .first, decode: RedisReplies.optionalIntegerList) {
            $0.add(key)
            for operation in operations { operation.add(to: &$0) }
        }
    }

    /// `BITFIELD_RO key operation…`: as ``bitfield(_:_:)``, also from a replica; the server refuses all but ``RedisBitField/get(_:at:)``.
    /// Redis 6.0.
    public static func bitfieldRO(_ key: some RedisArgument, _ operations: [RedisBitField]) -> RedisCommand where Reply == [Int?] {
        RedisCommand("BITFIELD_RO", keys: .first, decode: RedisReplies.optionalIntegerList) {
            $0.add(key)
            for operation in operations { operation.add(to: &$0) }
        }
    }
}
