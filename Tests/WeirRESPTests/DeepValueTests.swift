import NIOCore
import Testing
import WeirRESP

/// The deepest values that limits can allow.
@Suite struct DeepValueTests {
    private static let depth = 128

    /// An array of arrays and so on, streamed, closed again.
    private static let streamed =
        String(repeating: "*?\r\n", count: Self.depth) + String(repeating: ".\r\n", count: Self.depth)
    private static let counted = String(repeating: "*1\r\n", count: Self.depth) + ":1\r\n"
    private static let maps = String(repeating: "%1\r\n", count: Self.depth) + String(repeating: ":1\r\n", count: Self.depth + 1)
    /// Attributes of attributes: all of them stand before the value.
    private static let attributes = String(repeating: "|1\r\n", count: Self.depth) + String(repeating: ":1\r\n", count: 2 * Self.depth + 1)

    @Test func areReadComparedHashedWrittenAndFreed() throws {
        for wire in [Self.streamed, Self.counted, Self.maps, Self.attributes] {
            let outcome = decode(wire, limits: RESPLimits(maximumDepth: Self.depth))
            let frame = try #require(outcome.messages.first)
            #expect(frame.bytes.readableBytes == wire.utf8.count)
            let (first, second) = (RESPValue(frame), RESPValue(frame))
            #expect(first == second && first.hashValue == second.hashValue)
            var again = ByteBuffer()
            again.writeRESP(first, version: .resp3)
            #expect(decode([again], limits: RESPLimits(maximumDepth: Self.depth)).values == [first])
        }
    }

    @Test func areWalkedLazily() throws {
        let frame = try RESPFrame(ByteBuffer(string: Self.counted), limits: RESPLimits(maximumDepth: Self.depth))
        var depth = 0
        var next: RESPFrame? = frame
        while let elements = next?.elements {
            depth += 1
            next = elements.first { _ in true }
        }
        #expect(depth == Self.depth && next?.integer == 1)
    }

    @Test func attributesOfAttributesAreNoDepthOfTheValue() throws {
        let frame = try RESPFrame(ByteBuffer(string: Self.attributes), limits: RESPLimits(maximumDepth: Self.depth))
        #expect(frame.integer == 1)
        #expect(frame.attributes?.count == 1)
    }
}
