public import NIOCore
public import WeirPostgresWire

/// The frames in the input, which do not depend on where it is cut.
public func decodeEachWay<Decoder: NIOSingleStepByteToMessageDecoder>(
    _ input: Input, _ decoder: () -> Decoder
) -> [PostgresFrame] where Decoder.InboundOut == PostgresFrame {
    let whole = decode([input.bytes], decoder())
    // What comes with a request for encryption, or with its answer, is refused for that it came with it.
    if whole.code != PostgresWireError.Code.unexpectedBytes.description {
        expect(decode(input.inTwo, decoder()) == whole, "a cut makes a difference")
        expect(decode(input.inBytes, decoder()) == whole, "cuts make a difference")
    }
    let length = whole.messages.reduce(0) { $0 + $1.bytes.readableBytes }
    let joined = whole.messages.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1.bytes) }
    expect(joined == input.bytes.getSlice(at: input.bytes.readerIndex, length: length), "frames that are not the bytes")
    return whole.messages
}

/// What was read is written as the bytes it was read from.
public func writeAnew(_ message: some PostgresMessage, _ frame: PostgresFrame) {
    var wire = ByteBuffer()
    do { try message.write(into: &wire) } catch { fatalError("what was read cannot be written: \(error)") }
    expect(wire == frame.bytes, "written anew it is another message")
    expect(!"\(frame)".contains("\0"), "a description of bytes")
}

extension Input {
    /// Limits that an input of a few dozen bytes can pass.
    public var smallPostgresLimits: PostgresWireLimits {
        PostgresWireLimits(
            maximumMessageLength: self.number(8...200, 1), maximumStartupLength: self.number(8...60, 2),
            maximumLoginMessageLength: self.number(8...60, 3), maximumControlMessageLength: self.number(8...40, 4),
            maximumColumns: self.number(1...3, 5), maximumParameters: self.number(1...3, 6), maximumFields: self.number(1...3, 7),
            maximumOptions: self.number(1...3, 0))
    }
}
