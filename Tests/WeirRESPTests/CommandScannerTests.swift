import NIOCore
import Testing
import WeirRESP

/// Commands found where they are.
@Suite struct CommandScannerTests {
    @Test(arguments: [1, 2, 9, 10, 11, 99, 100, 101, 1000]) func findsCommandsOfAnyCount(count: Int) throws {
        let arguments = (0..<count).map { ByteBuffer(string: $0 == 0 ? "name" : String(repeating: "x", count: $0 % 12)) }
        let command = RESPRequest(arguments).bytes
        // Between others, and cut off at every byte for the shorter ones.
        var bytes = RESPRequest([ByteBuffer(string: "PING")]).bytes
        let start = bytes.readableBytes
        bytes.writeImmutableBuffer(command)
        bytes.writeString("*1\r\n")
        var scanner = RESPCommandScanner()
        bytes.withUnsafeReadableBytes { pointer in
            let step = max(1, command.readableBytes / 200)
            for length in stride(from: 0, to: command.readableBytes, by: step) {
                let cutOff = UnsafeRawBufferPointer(rebasing: pointer[..<(start + length)])
                guard case .cutOff? = try? scanner.next(cutOff, at: start) else {
                    Issue.record("found in \(length) bytes")
                    return
                }
                #expect(scanner.neededBytes <= command.readableBytes)
            }
            guard case .command(let found)? = try? scanner.next(pointer, at: start) else {
                Issue.record("not found")
                return
            }
            #expect(found.count == count && found.end == start + command.readableBytes)
            #expect(pointer[found.nameStart..<(found.nameStart + found.nameLength)].elementsEqual("name".utf8))
            guard case .cutOff? = try? scanner.next(pointer, at: found.end) else {
                Issue.record("found too much")
                return
            }
        }
    }

    @Test func lengthsOfAnyKindAgreeWithTheDecoder() {
        for length in [0, 1, 9, 10, 99, 100, 999, 1000, 9999, 10_000, 99_999, 100_000, 123_456] {
            let request = RESPRequest([ByteBuffer(string: "SET"), ByteBuffer(repeating: UInt8(ascii: "v"), count: length)])
            var scanner = RESPCommandScanner()
            let end = request.bytes.withUnsafeReadableBytes { pointer in
                if case .command(let found)? = try? scanner.next(pointer, at: 0) { found.end } else { -1 }
            }
            #expect(end == request.bytes.readableBytes, "\(length)")
        }
    }

    @Test func tellsOtherFormsApart() throws {
        var scanner = RESPCommandScanner()
        try "PING\r\n*0\r\n*-1\r\n*1\r\n".utf8CString.withUnsafeBytes { raw in
            let bytes = UnsafeRawBufferPointer(rebasing: raw.dropLast())
            guard case .inline = try scanner.next(bytes, at: 0) else {
                Issue.record("inline")
                return
            }
            guard case .empty(end: 10) = try scanner.next(bytes, at: 6) else {
                Issue.record("empty")
                return
            }
            guard case .empty(end: 15) = try scanner.next(bytes, at: 10) else {
                Issue.record("null")
                return
            }
            guard case .cutOff = try scanner.next(bytes, at: 15) else {
                Issue.record("cut off")
                return
            }
            guard case .cutOff = try scanner.next(bytes, at: bytes.count) else {
                Issue.record("nothing")
                return
            }
        }
    }
}
