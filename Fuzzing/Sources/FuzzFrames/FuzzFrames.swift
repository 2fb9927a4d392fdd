import FuzzSupport
import NIOCore
import WeirRESP

/// Any bytes as what a server sends: frames are the same however the bytes are cut, can be asked everything, and say the same when they
/// are written anew.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Input(start, count)
    let frames = readEachWay(input, RESPLimits())
    for frame in frames {
        ask(frame)
        writeAnew(frame)
    }
    _ = readEachWay(input, input.smallLimits)
    return 0
}

private func readEachWay(_ input: Input, _ limits: RESPLimits) -> [RESPFrame] {
    let whole = read([input.bytes], limits)
    expect(read(input.inTwo, limits) == whole, "a cut makes a difference")
    expect(read(input.inBytes, limits) == whole, "cuts make a difference")
    expect(decode(input.inTwo, RESPFrameDecoder(limits: limits)) == whole, "reader and decoder differ")
    return whole.messages
}

private func read(_ pieces: [ByteBuffer], _ limits: RESPLimits) -> Outcome<RESPFrame> {
    var outcome = Outcome<RESPFrame>()
    var reader = RESPFrameReader(limits: limits)
    do throws(RESPError) {
        for piece in pieces {
            reader.append(piece)
            while let frame = try reader.next() { outcome.messages.append(frame) }
        }
    } catch {
        outcome.code = error.shortDescription
    }
    return outcome
}

/// Reads all that there is to be read of a frame.
private func ask(_ frame: RESPFrame) {
    let string = frame.string
    expect(frame.withStringBytes { Array($0) } == string.map { Array($0.readableBytesView) }, "two ways to a string")
    var isRead = string != nil
    switch frame.kind {
    case .integer: isRead = frame.integer != nil && frame.double != nil
    case .double: isRead = frame.double != nil
    case .boolean: isRead = frame.boolean != nil
    case .null: isRead = frame.isNull && frame.elements == nil
    case .verbatimString: isRead = isRead && frame.verbatimFormat != nil
    case .simpleError, .bulkError: isRead = isRead && frame.isError
    case .map: isRead = frame.entries?.count == frame.pairs?.count
    case .simpleString, .bulkString, .bigNumber, .array, .set, .push: break
    }
    if let elements = frame.elements {
        let all = Array(elements)
        isRead = string == nil && all.count == elements.count
        // Elements stand in a row: all that is not theirs is what opens and ends the aggregate.
        expect(all.reduce(0) { $0 + $1.bytes.readableBytes } < frame.bytes.readableBytes, "elements longer than what contains them")
        for element in all { ask(element) }
        _ = frame.pairs.map { Array($0).count }
    }
    for attribute in frame.attributes.map(Array.init) ?? [] {
        ask(attribute.key)
        ask(attribute.value)
    }
    expect(isRead, "a frame that cannot be read: \(frame)")
    expect((try? RESPFrame(frame.bytes)) == frame, "a frame whose bytes are none")
}

private func writeAnew(_ frame: RESPFrame) {
    var wire = ByteBuffer()
    wire.writeRESP(RESPValue(frame), version: .resp3)
    guard let again = try? RESPFrame(wire) else { fatalError("what was written anew is no frame") }
    expect(again.kind == frame.kind, "written anew it is another type")
    // Compared as bytes, as not a number is unequal to itself.
    var wireAgain = ByteBuffer()
    wireAgain.writeRESP(RESPValue(again), version: .resp3)
    expect(wireAgain == wire, "written anew it is another value")

    var older = ByteBuffer()
    older.writeRESP(RESPValue(frame), version: .resp2)
    expect((try? RESPFrame(older)) != nil, "what was written for an older client is no frame")
}
