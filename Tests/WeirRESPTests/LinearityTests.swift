import NIOCore
import Testing

@testable import WeirRESP

/// Work is linear in the bytes whatever their cut: shown by what is looked at and copied, not by a clock.
@Suite struct LinearityTests {
    /// 100,000 strings and integers, among them an aggregate now and then.
    private static func array() -> ByteBuffer {
        var wire = ByteBuffer(string: "*100000\r\n")
        for index in 0..<100_000 {
            switch index % 10 {
            case 0: wire.writeRESPInteger(Int64(index))
            case 1: wire.writeString("*2\r\n+a\r\n#t\r\n")
            default: wire.writeRESPBulkString(Int64(index))
            }
        }
        return wire
    }

    /// What has been checked is destroyed before the next piece comes: a scanner that looked at it again would not find a value.
    @Test(arguments: [1, 7, 1460, 16384]) func checkedBytesAreNeverLookedAtAgain(size: Int) throws {
        let wire = Self.array()
        var bytes = Array(wire.readableBytesView)
        var scanner = RESPFrameScanner(limits: RESPLimits())
        var destroyed = 0
        var length: Int?
        for end in stride(from: size, to: bytes.count + size, by: size) {
            let end = min(end, bytes.count)
            length = try bytes.withUnsafeBytes { all throws(RESPError) in
                try scanner.scan(UnsafeRawBufferPointer(rebasing: all[..<end]))
            }
            // The longest line that is read again when it was cut, and a short string that was.
            while destroyed < end - 2 * RESPNumber.longestLine {
                bytes[destroyed] = 0xFF
                destroyed += 1
            }
            if end < bytes.count { #expect(length == nil) }
        }
        #expect(length == bytes.count)
    }

    /// So for a long line, which is searched for its end, and a long string, which is not looked at but for its end.
    @Test(arguments: ["+", "$1000000\r\n"]) func checkedPartsOfOneValueAreNotLookedAtAgain(start: String) throws {
        var bytes = Array(start.utf8) + Array(repeating: UInt8(ascii: "x"), count: 1_000_000) + Array("\r\n".utf8)
        var scanner = RESPFrameScanner(limits: RESPLimits(maximumLineLength: 1 << 20))
        for end in stride(from: 16, to: bytes.count, by: 16) {
            let length = try bytes.withUnsafeBytes { all throws(RESPError) in
                try scanner.scan(UnsafeRawBufferPointer(rebasing: all[..<end]))
            }
            #expect(length == nil)
            // A line's end here would be found by whoever looks. The type is looked at each time.
            for index in max(start.utf8.count, end - 16)..<(end - 1) { bytes[index] = UInt8(ascii: "\n") }
        }
        let length = try bytes.withUnsafeBytes { all throws(RESPError) in try scanner.scan(all) }
        #expect(length == bytes.count)
    }

    /// Bytes that are copied to other memory while values come in, beyond the copy that each read is put away by.
    private func bytesMoved(_ pieces: [ByteBuffer], reader: inout RESPFrameReader) throws -> (moved: Int, frames: [RESPFrame]) {
        var moved = 0
        var frames: [RESPFrame] = []
        for piece in pieces {
            let before = reader.unread.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
            reader.append(piece)
            let after = reader.unread.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
            // With what was unread, bytes that have been read may have been copied too.
            if after != before { moved += reader.unread.writerIndex - piece.readableBytes }
            while let frame = try reader.next() { frames.append(frame) }
        }
        return (moved, frames)
    }

    @Test(arguments: [7, 1460, 16384]) func aLargeArrayIsCopiedAConstantNumberOfTimes(size: Int) throws {
        let wire = Self.array()
        var reader = RESPFrameReader()
        let result = try self.bytesMoved(pieces(wire, of: size), reader: &reader)
        #expect(result.frames.map(\.bytes) == [wire])
        #expect(result.moved <= 2 * wire.readableBytes)
    }

    @Test func aLargeStringIsCopiedAConstantNumberOfTimes() throws {
        let size = 64 << 20
        var wire = ByteBuffer()
        wire.writeRESPBulkString(ByteBuffer(repeating: UInt8(ascii: "x"), count: size))
        // Slices of one memory, which someone else holds as well.
        let reads = stride(from: 0, to: wire.readableBytes, by: 16384).map {
            ByteBuffer(wire.readableBytesView[$0..<min($0 + 16384, wire.readableBytes)])
        }
        var reader = RESPFrameReader()
        let result = try self.bytesMoved(reads, reader: &reader)
        #expect(result.frames.first?.string?.readableBytes == size)
        #expect(result.moved <= 2 * wire.readableBytes)
    }

    /// Frames that are kept share the memory they came in: it must not be copied for what comes after them.
    @Test func heldFramesAreNotCopied() throws {
        let one = String(repeating: "$10\r\n0123456789\r\n", count: 100)
        let wire = ByteBuffer(string: String(repeating: one, count: 100))
        var reader = RESPFrameReader()
        var held: [RESPFrame] = []
        var moved = 0
        for size in [100, 1000, 1460] {
            let reads = pieces(wire, of: size)
            let result = try self.bytesMoved(reads, reader: &reader)
            #expect(result.frames.count == 10_000)
            held += result.frames
            moved += result.moved
            // Less than a frame for each read.
            #expect(result.moved < 17 * reads.count)
        }
        #expect(held.allSatisfy { $0.string == ByteBuffer(string: "0123456789") })
    }

    @Test func aRequestInSmallPiecesIsReadOnce() throws {
        var wire = ByteBuffer(string: "*100000\r\n")
        for index in 0..<100_000 { wire.writeRESPBulkString(Int64(index)) }
        var decoder = RESPRequestDecoder()
        var buffer = ByteBuffer()
        var destroyed = 0
        var request: RESPRequest?
        for piece in pieces(wire, of: 7) {
            #expect(request == nil)
            buffer.writeImmutableBuffer(piece)
            request = try decoder.decode(buffer: &buffer)
            // The first byte tells the form and stays.
            while request == nil, destroyed + 1 < buffer.readableBytes - 2 * RESPNumber.longestLine {
                destroyed += 1
                buffer.setInteger(0xFF, at: destroyed, as: UInt8.self)
            }
        }
        #expect(request?.bytes.readableBytes == wire.readableBytes)
    }

    @Test func aLongInlineCommandIsSearchedOnce() throws {
        var decoder = RESPRequestDecoder(limits: RESPLimits(maximumLineLength: 1 << 20))
        var buffer = ByteBuffer()
        for round in 1...10_000 {
            buffer.writeRepeatingByte(UInt8(ascii: "x"), count: 16)
            // Whoever looked at the earlier rounds again would take an empty line for each byte.
            #expect(try decoder.decode(buffer: &buffer) == nil)
            #expect(buffer.readableBytes == 16 * round)
            buffer.setRepeatingByte(UInt8(ascii: "\n"), count: 16, at: buffer.writerIndex - 16)
        }
        buffer.writeStaticString("x\r\n")
        // All that was put in its place is blanks.
        #expect(try decoder.decode(buffer: &buffer)?.name == ByteBuffer(string: "x"))
        #expect(buffer.readableBytes == 0)
    }
}
