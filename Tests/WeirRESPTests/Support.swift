import NIOCore
import Testing
import WeirRESP

/// What came out of some bytes, and the error that ended it.
struct Outcome<Message: Equatable & Sendable>: Equatable, Sendable {
    var messages: [Message] = []
    var code: RESPError.Code?
}

/// What both ways to decode make of the pieces; it is an issue if they differ.
func decode(
    _ pieces: [ByteBuffer], limits: RESPLimits = RESPLimits(), sourceLocation: SourceLocation = #_sourceLocation
) -> Outcome<RESPFrame> {
    let decoded = outcome(of: RESPFrameDecoder(limits: limits), pieces)
    var read = Outcome<RESPFrame>()
    var reader = RESPFrameReader(limits: limits)
    do throws(RESPError) {
        for piece in pieces {
            reader.append(piece)
            while let frame = try reader.next() { read.messages.append(frame) }
        }
    } catch {
        read.code = error.code
    }
    if decoded != read { Issue.record("decoder and reader differ", sourceLocation: sourceLocation) }
    return read
}

func decode(_ wire: String, limits: RESPLimits = RESPLimits()) -> Outcome<RESPFrame> {
    decode([ByteBuffer(string: wire)], limits: limits)
}

/// The requests in the pieces.
func requests(_ pieces: [ByteBuffer], limits: RESPLimits = RESPLimits()) -> Outcome<RESPRequest> {
    outcome(of: RESPRequestDecoder(limits: limits), pieces)
}

private func outcome<Decoder: NIOSingleStepByteToMessageDecoder>(
    of decoder: Decoder, _ pieces: [ByteBuffer]
) -> Outcome<Decoder.InboundOut> {
    let processor = NIOSingleStepByteToMessageProcessor(decoder)
    var outcome = Outcome<Decoder.InboundOut>()
    do {
        for piece in pieces { try processor.process(buffer: piece) { outcome.messages.append($0) } }
    } catch {
        outcome.code = (error as? RESPError)?.code
    }
    return outcome
}

extension Outcome<RESPFrame> {
    var values: [RESPValue] { self.messages.map(RESPValue.init) }
}

extension Outcome<RESPRequest> {
    /// Each request's arguments as text.
    var texts: [[String]] { self.messages.map { $0.arguments.map { String(buffer: $0) } } }
}

// MARK: Cuts

/// The wire cut into pieces of one size, each a buffer of its own as each read of a socket gives.
func pieces(_ wire: ByteBuffer, of size: Int) -> [ByteBuffer] {
    stride(from: 0, to: wire.readableBytes, by: size).map { piece(wire, $0..<min($0 + size, wire.readableBytes)) }
}

/// Every way to cut a wire in two or three, a piece at each byte besides.
func cuts(_ wire: String) -> [[ByteBuffer]] {
    let wire = ByteBuffer(string: wire)
    let length = wire.readableBytes
    var cuts = [pieces(wire, of: 1)]
    for first in 0...length {
        for second in first...length {
            cuts.append([piece(wire, 0..<first), piece(wire, first..<second), piece(wire, second..<length)])
        }
    }
    return cuts
}

private func piece(_ wire: ByteBuffer, _ range: Range<Int>) -> ByteBuffer {
    ByteBuffer(bytes: wire.readableBytesView[range])
}

// MARK: Chance

/// SplitMix64: the same numbers in each run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
