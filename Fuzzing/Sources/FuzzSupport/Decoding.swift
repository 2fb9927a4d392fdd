public import NIOCore
import WeirPostgresWire
public import WeirRESP

/// What a connection would get of what came.
public struct Outcome<Message: Equatable>: Equatable {
    public var messages: [Message]
    /// What was wrong with the rest, as a word.
    public var code: String?

    public init(_ messages: [Message] = [], _ code: String? = nil) {
        self.messages = messages
        self.code = code
    }
}

/// What a decoder makes of these pieces.
public func decode<Decoder: NIOSingleStepByteToMessageDecoder>(_ pieces: [ByteBuffer], _ decoder: Decoder) -> Outcome<Decoder.InboundOut>
where Decoder.InboundOut: Equatable {
    var outcome = Outcome<Decoder.InboundOut>()
    let processor = NIOSingleStepByteToMessageProcessor(decoder)
    do {
        for piece in pieces { try processor.process(buffer: piece) { outcome.messages.append($0) } }
    } catch {
        outcome.code = (error as? RESPError)?.shortDescription ?? (error as? PostgresWireError)?.shortDescription
    }
    return outcome
}

extension Input {
    /// Limits that an input of a few dozen bytes can pass.
    public var smallLimits: RESPLimits {
        RESPLimits(
            maximumLineLength: 32, maximumBulkLength: self.number(1...40, 1), maximumElements: self.number(1...12, 2),
            maximumDepth: self.number(1...3, 3), maximumFrameLength: self.number(10...120, 4))
    }
}
