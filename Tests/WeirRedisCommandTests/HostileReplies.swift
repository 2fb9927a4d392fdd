import NIOCore
import WeirRESP

/// Replies that no command has: of every kind, and real ones with something wrong in them.
struct HostileReplies {
    var random: SplitMix

    init(seed: UInt64) { self.random = SplitMix(state: seed) }

    static let strings = [
        "", "OK", "0", "-1", "1-1", "5-", "-", "18446744073709551616", "9223372036854775808", "99999999999999999999-0", "inf", "nan",
        "0x10",
        "1e999", "name", "id=1 addr=x", "id", "=", "# A\r\nb:c\r\n:\r\nd", "master", "slave", "sentinel", "length", "\r\n", "\u{0}",
    ]
    static let integers: [Int64] = [.min, -3, -2, -1, 0, 1, 2, 1_000_000, .max / 1000, .max - 1, .max]

    /// Any value at all.
    mutating func value(depth: Int = 4) -> RESPValue {
        switch Int.random(in: 0..<(depth > 0 ? 16 : 11), using: &self.random) {
        case 0: .null
        case 1: .integer(Self.integers.randomElement(using: &self.random)!)
        case 2, 3: .bulk(Self.strings.randomElement(using: &self.random)!)
        case 4: .simple("OK")
        case 5: .error("ERR inside")
        case 6: .bulkError(ByteBuffer(string: "1-1"))
        case 7: .boolean(Bool.random(using: &self.random))
        case 8: .double([.infinity, -.infinity, .nan, 0, 1.5, -1e300].randomElement(using: &self.random)!)
        case 9: .bigNumber(ByteBuffer(string: "123456789012345678901234567890"))
        case 10: .verbatimString(ByteBuffer(string: "txt:1-1"))
        case 11: .map(self.some(depth).map { RESPMapEntry(key: $0, value: self.value(depth: depth - 1)) })
        case 12: .set(self.some(depth))
        default: .array(self.some(depth))
        }
    }

    private mutating func some(_ depth: Int) -> [RESPValue] {
        (0..<Int.random(in: 0..<6, using: &self.random)).map { _ in self.value(depth: depth - 1) }
    }

    /// The value with something else somewhere in it.
    mutating func changed(_ value: RESPValue) -> RESPValue {
        switch value {
        case .array(let elements): .array(self.changed(elements))
        case .set(let elements): .set(self.changed(elements))
        case .map(var entries):
            if let index = entries.indices.randomElement(using: &self.random), Int.random(in: 0..<6, using: &self.random) > 0 {
                switch Int.random(in: 0..<4, using: &self.random) {
                case 0: .map(entries.enumerated().filter { $0.offset != index }.map(\.element))
                case 1: .map(Self.replacing(&entries, index) { $0.key = self.value() })
                default: .map(Self.replacing(&entries, index) { $0.value = self.changed($0.value) })
                }
            } else {
                self.value()
            }
        case .null, .integer, .bulkString, .simpleString, .simpleError, .bulkError, .boolean, .double, .bigNumber, .verbatimString, .push:
            self.value()
        }
    }

    private static func replacing(_ entries: inout [RESPMapEntry], _ index: Int, _ body: (inout RESPMapEntry) -> Void) -> [RESPMapEntry] {
        body(&entries[index])
        return entries
    }

    private mutating func changed(_ elements: [RESPValue]) -> [RESPValue] {
        var elements = elements
        switch (Int.random(in: 0..<8, using: &self.random), elements.indices.randomElement(using: &self.random)) {
        case (0, let index?): elements.remove(at: index)
        case (1, let index?): elements.insert(self.value(), at: index)
        case (2, _): elements.append(self.value())
        case (_, let index?): elements[index] = self.changed(elements[index])
        case (_, nil): elements.append(self.value())
        }
        return elements
    }

    static func frame(_ value: RESPValue, _ version: RESPVersion) -> RESPFrame? {
        var buffer = ByteBuffer()
        buffer.writeRESP(value, version: version)
        return try? RESPFrame(buffer)
    }
}
