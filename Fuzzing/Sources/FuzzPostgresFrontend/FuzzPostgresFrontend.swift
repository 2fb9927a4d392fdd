import FuzzSupport
import NIOCore
import WeirPostgresWire

/// Any bytes as what a client sends, from its start-up packet on or later: frames are the same however the bytes are cut, and what can be
/// read of them is written as the same bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPostgresFrontend(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Input(start, count)
    for phase in [PostgresFrameScanner.Phase.startup, .session] {
        for limits in [PostgresWireLimits(), input.smallPostgresLimits] {
            let frames = decodeEachWay(input) { PostgresFrontendDecoder(limits: limits, phase: phase) }
            for frame in frames { ask(frame, limits) }
        }
    }
    return 0
}

/// Reads all that there is to be read of a frame.
private func ask(_ frame: PostgresFrame, _ limits: PostgresWireLimits) {
    if let password = try? PostgresFrontend.PasswordMessage(frame, limits: limits) { writeAnew(password, frame) }
    if let response = try? PostgresFrontend.SASLInitialResponse(frame, limits: limits) { writeAnew(response, frame) }
    guard let message = try? PostgresFrontend.Message(frame, limits: limits) else { return }
    writeAnew(message, frame)
    switch message {
    case .bind(let bind):
        ask(bind.parameters)
        let formats = (0..<bind.parameters.count).compactMap { bind.parameterFormats.format(ofValue: $0) }
        expect(formats.count == bind.parameters.count, "a parameter without a format")
    case .functionCall(let call): ask(call.arguments)
    case .startupMessage(let startup):
        expect(startup.parameters.user != nil, "nobody starts up")
        expect(Array(startup.parameters).count == startup.parameters.count, "another number of parameters than it says")
    case .parse(let parse): expect(PostgresList(Array(parse.parameterTypes)) == parse.parameterTypes, "made anew they are other types")
    default: break
    }
}

private func ask(_ values: PostgresValues) {
    let all = Array(values)
    expect(all.count == values.count, "another number of values than it says")
    expect((try? PostgresValues(all)) == values, "made anew they are other values")
}
