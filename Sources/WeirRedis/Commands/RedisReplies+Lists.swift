import NIOCore
import WeirRESP

/// Replies of several values.
extension RedisReplies {
    /// The elements of an array or a set, each read by the closure.
    static func list<Element>(_ frame: RESPFrame, of element: (RESPFrame) throws -> Element) throws -> [Element] {
        switch frame.kind {
        case .array, .set: break
        case .simpleString, .simpleError, .integer, .bulkString, .null, .boolean, .double, .bigNumber, .bulkError, .verbatimString, .map,
            .push:
            throw self.unexpected(frame, "an array")
        }
        guard let elements = frame.elements else { throw self.unexpected(frame, "an array") }
        return try elements.map(element)
    }

    /// As ``list(_:of:)``, and nil for null.
    static func optionalList<Element>(_ frame: RESPFrame, of element: (RESPFrame) throws -> Element) throws -> [Element]? {
        if frame.isNull { return nil }
        return try self.list(frame, of: element)
    }

    /// An array of at least so many elements.
    static func tuple(_ frame: RESPFrame, atLeast count: Int) throws -> [RESPFrame] {
        let elements = try self.list(frame) { $0 }
        guard elements.count >= count else { throw self.unexpected(frame, "an array of as many elements as it should have") }
        return elements
    }

    @Sendable static func bytesList(_ frame: RESPFrame) throws -> [ByteBuffer] { try self.list(frame, of: self.bytes) }

    @Sendable static func optionalBytesList(_ frame: RESPFrame) throws -> [ByteBuffer?] { try self.list(frame, of: self.optionalBytes) }

    @Sendable static func stringList(_ frame: RESPFrame) throws -> [String] { try self.list(frame, of: self.string) }

    @Sendable static func integerList(_ frame: RESPFrame) throws -> [Int] { try self.list(frame, of: self.integer) }

    @Sendable static func optionalIntegerList(_ frame: RESPFrame) throws -> [Int?] { try self.list(frame, of: self.optionalInteger) }

    @Sendable static func optionalDoubleList(_ frame: RESPFrame) throws -> [Double?] { try self.list(frame, of: self.optionalDouble) }

    @Sendable static func flagList(_ frame: RESPFrame) throws -> [Bool] { try self.list(frame, of: self.flag) }

    // MARK: Pairs

    /// Pairs in whichever shape they come: a map, an array of keys and values in turn as RESP2 has it, or an array of arrays of two.
    static func pairs<Key, Value>(
        _ frame: RESPFrame, key: (RESPFrame) throws -> Key, value: (RESPFrame) throws -> Value
    ) throws -> [(key: Key, value: Value)] {
        if frame.kind == .array, let first = frame.elements?.first(where: { _ in true }), first.kind == .array {
            return try self.list(frame) { pair in
                let pair = try self.tuple(pair, atLeast: 2)
                return (key: try key(pair[0]), value: try value(pair[1]))
            }
        }
        guard let pairs = frame.pairs else { throw self.unexpected(frame, "a map") }
        return try pairs.map { (key: try key($0.key), value: try value($0.value)) }
    }

    @Sendable static func fields(_ frame: RESPFrame) throws -> [RedisField] {
        try self.pairs(frame, key: self.bytes, value: self.bytes).map { RedisField($0.key, $0.value) }
    }

    @Sendable static func bytesMap(_ frame: RESPFrame) throws -> [ByteBuffer: ByteBuffer] {
        Dictionary(try self.pairs(frame, key: self.bytes, value: self.bytes).map { ($0.key, $0.value) }) { $1 }
    }

    @Sendable static func stringMap(_ frame: RESPFrame) throws -> [String: String] {
        Dictionary(try self.pairs(frame, key: self.string, value: self.string).map { ($0.key, $0.value) }) { $1 }
    }

    @Sendable static func scoredMembers(_ frame: RESPFrame) throws -> [RedisScoredMember] {
        try self.pairs(frame, key: self.bytes, value: self.double).map { RedisScoredMember($0.key, score: $0.value) }
    }

    /// A key and what came from it, nil for null.
    static func keyed<Value>(_ frame: RESPFrame, _ value: (RESPFrame) throws -> Value) throws -> (key: ByteBuffer, value: Value)? {
        if frame.isNull { return nil }
        let pair = try self.tuple(frame, atLeast: 2)
        return (try self.bytes(pair[0]), try value(pair[1]))
    }

    /// A cursor and what the page has.
    static func page<Element>(_ frame: RESPFrame, _ elements: (RESPFrame) throws -> [Element]) throws -> RedisScanPage<Element> {
        let pair = try self.tuple(frame, atLeast: 2)
        return RedisScanPage(cursor: try self.unsigned(pair[0]), elements: try elements(pair[1]))
    }
}

/// A map whose keys are words of the server, read by their names. What is not known is passed over.
struct RedisRecord {
    private let frame: RESPFrame
    private let values: [String: RESPFrame]

    init(_ frame: RESPFrame) throws {
        self.frame = frame
        guard let pairs = frame.pairs else { throw RedisReplies.unexpected(frame, "a map") }
        self.values = Dictionary(try pairs.map { (try RedisReplies.string($0.key), $0.value) }) { $1 }
    }

    /// What stands under a name, read by the closure.
    func value<Value>(_ name: String, _ read: (RESPFrame) throws -> Value) throws -> Value {
        guard let value = self.values[name] else { throw RedisReplies.unexpected(self.frame, "a map with all that it should have") }
        return try read(value)
    }

    /// As ``value(_:_:)``, and nil for null and where there is nothing under the name, as from servers that do not know it.
    func optional<Value>(_ name: String, _ read: (RESPFrame) throws -> Value) throws -> Value? {
        guard let value = self.values[name], !value.isNull else { return nil }
        return try read(value)
    }
}
