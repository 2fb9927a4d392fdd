import FuzzSupport
import NIOCore
import WeirRESP

/// Any bytes as what a client sends: requests are the same however the bytes are cut, and when they are written anew.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRequests(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Input(start, count)
    for request in decodeEachWay(input, RESPLimits()) { writeAnew(request) }
    _ = decodeEachWay(input, input.smallLimits)
    return 0
}

private func decodeEachWay(_ input: Input, _ limits: RESPLimits) -> [RESPRequest] {
    let whole = decode([input.bytes], limits)
    expect(decode(input.inTwo, limits) == whole, "a cut makes a difference")
    expect(decode(input.inBytes, limits) == whole, "cuts make a difference")
    return whole.messages
}

private func decode(_ pieces: [ByteBuffer], _ limits: RESPLimits) -> Outcome<RESPRequest> {
    decode(pieces, RESPRequestDecoder(limits: limits))
}

private func writeAnew(_ request: RESPRequest) {
    let arguments = Array(request.arguments)
    expect(arguments.count == request.count && !arguments.isEmpty, "a request with another number of arguments than it says")
    expect(arguments[0] == request.name, "a request with two names")
    expect(RESPRequest(arguments) == request, "written anew it is another request")
    expect(decode([request.bytes], RESPLimits()) == Outcome([request]), "its bytes are another request")
    let frame = try? RESPFrame(request.bytes)
    expect(frame?.elements?.compactMap(\.string) == arguments, "as a frame it is something else")
    expect(request.description.utf8.count < 500, "a description as long as the client likes")
}
