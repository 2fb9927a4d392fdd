import NIOCore
import WeirRESP

/// Wire forms of RESP and the value each means.
enum Corpus {
    static let values: [(wire: String, value: RESPValue)] = [
        ("+OK\r\n", .simple("OK")),
        ("+\r\n", .simple("")),
        ("-ERR no\r\n", .error("ERR no")),
        (":0\r\n", .integer(0)),
        (":-1\r\n", .integer(-1)),
        (":+7\r\n", .integer(7)),
        (":9223372036854775807\r\n", .integer(.max)),
        (":-9223372036854775808\r\n", .integer(.min)),
        ("$0\r\n\r\n", .bulk("")),
        ("$5\r\nhello\r\n", .bulk("hello")),
        ("$4\r\n\r\n\r\n\r\n", .bulk("\r\n\r\n")),
        ("$-1\r\n", .null),
        ("*-1\r\n", .null),
        ("_\r\n", .null),
        ("*0\r\n", .array([])),
        ("*2\r\n$1\r\na\r\n:1\r\n", .array([.bulk("a"), .integer(1)])),
        ("*2\r\n*1\r\n*0\r\n*1\r\n_\r\n", .array([.array([.array([])]), .array([.null])])),
        ("#t\r\n", .boolean(true)),
        ("#f\r\n", .boolean(false)),
        (",1.5\r\n", .double(1.5)),
        (",-1e-3\r\n", .double(-0.001)),
        (",10\r\n", .double(10)),
        (",inf\r\n", .double(.infinity)),
        (",-inf\r\n", .double(-.infinity)),
        ("(3492890328409238509324850943850943825024385\r\n", .bigNumber(ByteBuffer(string: "3492890328409238509324850943850943825024385"))),
        ("!9\r\nSYNTAX ab\r\n", .bulkError(ByteBuffer(string: "SYNTAX ab"))),
        ("=7\r\ntxt:abc\r\n", .verbatimString(ByteBuffer(string: "txt:abc"))),
        (
            "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n",
            .map([
                RESPMapEntry(key: .simple("a"), value: .integer(1)),
                RESPMapEntry(key: .simple("b"), value: .array([.integer(2)])),
            ])
        ),
        ("%0\r\n", .map([])),
        ("~2\r\n:1\r\n:1\r\n", .set([.integer(1), .integer(1)])),
        (">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n", .push([.simple("invalidate"), .array([.bulk("k")])])),
        // Attributes are hints: read, counted and dropped, before a value, within an array, and nested.
        ("|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n", .bulk("v")),
        ("*2\r\n:1\r\n|1\r\n+k\r\n*1\r\n:9\r\n:2\r\n", .array([.integer(1), .integer(2)])),
        ("|0\r\n:5\r\n", .integer(5)),
    ]

    /// What must be refused, and with which code.
    static let refused: [(wire: String, code: RESPError.Code)] = [
        ("$+5\r\nhello\r\n", .malformedNumber),
        ("$05\r\nhello\r\n", .malformedNumber),
        ("$ 5\r\nhello\r\n", .malformedNumber),
        ("$5 \r\nhello\r\n", .malformedNumber),
        ("$\r\n", .malformedNumber),
        ("$-2\r\n", .malformedNumber),
        ("$-01\r\n", .malformedNumber),
        ("*-7\r\n", .malformedNumber),
        ("%-1\r\n", .malformedNumber),
        ("~-1\r\n", .malformedNumber),
        (">-1\r\n", .malformedNumber),
        ("$99999999999999999999\r\n", .malformedNumber),
        ("$9223372036854775808\r\n", .malformedNumber),
        ("$9223372036854775807\r\n", .bulkTooLong),
        ("$536870913\r\n", .bulkTooLong),
        ("*2147483647\r\n", .tooManyElements),
        ("*9223372036854775807\r\n", .tooManyElements),
        ("%9223372036854775807\r\n", .tooManyElements),
        ("$5\r\nabcdeXY", .malformedLine),
        ("$5\r\nabcde\n\r", .malformedLine),
        ("+OK\n", .malformedLine),
        ("\n", .unknownType),
        ("\r\n", .unknownType),
        ("+a\rb\r\n", .malformedLine),
        ("+a\r\r\n", .malformedLine),
        ("+\n", .malformedLine),
        (":\r\n", .malformedNumber),
        (":-\r\n", .malformedNumber),
        (":+-1\r\n", .malformedNumber),
        (":1a\r\n", .malformedNumber),
        (":007\r\n", .malformedNumber),
        (":9223372036854775808\r\n", .malformedNumber),
        (":-9223372036854775809\r\n", .malformedNumber),
        ("#x\r\n", .malformedNumber),
        ("#\r\n", .malformedNumber),
        ("#tt\r\n", .malformedNumber),
        ("_x\r\n", .malformedNumber),
        (",\r\n", .malformedNumber),
        (",0x1p3\r\n", .malformedNumber),
        (",infinity\r\n", .malformedNumber),
        (", 1\r\n", .malformedNumber),
        ("(\r\n", .malformedNumber),
        ("(-\r\n", .malformedNumber),
        ("(12x\r\n", .malformedNumber),
        ("=3\r\ntxt\r\n", .malformedValue),
        ("=5\r\ntxtab\r\n", .malformedValue),
        ("$?\r\n", .streamedType),
        ("*?\r\n", .streamedType),
        (";4\r\nabcd\r\n", .streamedType),
        (".\r\n", .streamedType),
        ("*1\r\n>1\r\n:1\r\n", .malformedValue),
        ("?1\r\n", .unknownType),
        ("PING\r\n", .unknownType),
        ("\u{0}", .unknownType),
    ]
}

/// Everything that one decoder makes of the pieces, and the error that ended it.
func decode(_ pieces: [ByteBuffer], limits: RESPDecoderLimits = RESPDecoderLimits()) -> (values: [RESPValue], error: RESPError?) {
    let processor = NIOSingleStepByteToMessageProcessor(RESPDecoder(limits: limits))
    var values: [RESPValue] = []
    do {
        for piece in pieces { try processor.process(buffer: piece) { values.append($0) } }
        return (values, nil)
    } catch {
        return (values, error as? RESPError)
    }
}

func decode(_ wire: String, limits: RESPDecoderLimits = RESPDecoderLimits()) -> (values: [RESPValue], error: RESPError?) {
    decode([ByteBuffer(string: wire)], limits: limits)
}

/// The wire cut into pieces of one size.
func pieces(_ wire: ByteBuffer, of size: Int) -> [ByteBuffer] {
    var rest = wire
    var pieces: [ByteBuffer] = []
    while rest.readableBytes > 0 {
        // A buffer of its own, as each read of a socket gives.
        pieces.append(ByteBuffer(bytes: rest.readSlice(length: min(size, rest.readableBytes))!.readableBytesView))
    }
    return pieces
}
