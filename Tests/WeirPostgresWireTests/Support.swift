import NIOCore
import Testing
import WeirPostgresWire

/// Bytes of a text whose characters are bytes: `\0` to `\u{FF}`.
func wire(_ text: String) -> ByteBuffer {
    ByteBuffer(bytes: text.unicodeScalars.map { UInt8($0.value) })
}

/// Bytes of hexadecimal digits, blanks between them passed over.
func hex(_ text: String) -> ByteBuffer {
    let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    return ByteBuffer(bytes: stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
}

/// A message of this tag, whose length says this and whose payload is this.
func message(_ tag: UInt8, length: UInt32? = nil, _ payload: ByteBuffer = ByteBuffer()) -> ByteBuffer {
    var bytes = ByteBuffer()
    bytes.writeInteger(tag)
    bytes.writeInteger(length ?? UInt32(payload.readableBytes + 4))
    bytes.writeImmutableBuffer(payload)
    return bytes
}

/// A start-up packet.
func packet(length: UInt32? = nil, code: UInt32, _ payload: ByteBuffer = ByteBuffer()) -> ByteBuffer {
    var bytes = ByteBuffer()
    bytes.writeInteger(length ?? UInt32(payload.readableBytes + 8))
    bytes.writeInteger(code)
    bytes.writeImmutableBuffer(payload)
    return bytes
}

/// The code of what the closure throws; nil if nothing.
func code(_ body: () throws -> Void) -> PostgresWireError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? PostgresWireError)?.code
    }
}

extension ByteBuffer {
    func appending(_ other: ByteBuffer) -> ByteBuffer {
        var both = self
        both.writeImmutableBuffer(other)
        return both
    }
}

// MARK: Decoding

/// What came out of some bytes, and the error that ended it.
struct Outcome: Equatable {
    var frames: [PostgresFrame] = []
    var code: PostgresWireError.Code?

    /// All that came out, one behind the other.
    var bytes: ByteBuffer { self.frames.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1.bytes) } }
}

/// What the decoder makes of the pieces, and of the end of the stream.
func outcome<Decoder: NIOSingleStepByteToMessageDecoder>(of decoder: Decoder, _ pieces: [ByteBuffer], ends: Bool = false) -> Outcome
where Decoder.InboundOut == PostgresFrame {
    let processor = NIOSingleStepByteToMessageProcessor(decoder)
    var outcome = Outcome()
    do {
        for piece in pieces { try processor.process(buffer: piece) { outcome.frames.append($0) } }
        if ends { try processor.finishProcessing(seenEOF: true) { outcome.frames.append($0) } }
    } catch {
        outcome.code = (error as? PostgresWireError)?.code
    }
    return outcome
}

func backend(_ pieces: ByteBuffer..., limits: PostgresWireLimits = PostgresWireLimits()) -> Outcome {
    outcome(of: PostgresBackendDecoder(limits: limits), pieces)
}

/// A client's bytes from its start-up packet on.
func frontend(_ pieces: ByteBuffer..., limits: PostgresWireLimits = PostgresWireLimits()) -> Outcome {
    outcome(of: PostgresFrontendDecoder(limits: limits), pieces)
}

/// One message of a session that is logged in.
func frame(_ bytes: ByteBuffer, _ sender: PostgresSender, limits: PostgresWireLimits = PostgresWireLimits()) throws -> PostgresFrame {
    try PostgresFrame(bytes, from: sender, limits: limits)
}

/// The code with which a message is refused, by its frame or by what is in it; nil if it is read.
func refusal(_ bytes: ByteBuffer, _ sender: PostgresSender, limits: PostgresWireLimits = PostgresWireLimits()) -> PostgresWireError.Code? {
    code {
        let frame = try frame(bytes, sender, limits: limits)
        switch sender {
        case .backend: _ = try PostgresBackend.Message(frame, limits: limits)
        case .frontend: _ = try PostgresFrontend.Message(frame, limits: limits)
        }
    }
}

// MARK: Cuts

/// The bytes cut into pieces of one size, each a buffer of its own as each read of a socket gives.
func pieces(_ bytes: ByteBuffer, of size: Int) -> [ByteBuffer] {
    stride(from: 0, to: bytes.readableBytes, by: size).map { piece(bytes, $0..<min($0 + size, bytes.readableBytes)) }
}

func piece(_ bytes: ByteBuffer, _ range: Range<Int>) -> ByteBuffer {
    ByteBuffer(bytes: bytes.readableBytesView[(bytes.readerIndex + range.lowerBound)..<(bytes.readerIndex + range.upperBound)])
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
