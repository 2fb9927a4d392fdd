import FuzzSupport
import NIOCore
import WeirPostgresWire

/// Any bytes as what a server sends: frames are the same however the bytes are cut, and what can be read of them is written as the same
/// bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPostgresBackend(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Input(start, count)
    for frame in frames(input, PostgresWireLimits(), .session) { ask(frame, PostgresWireLimits()) }
    let small = input.smallPostgresLimits
    for frame in frames(input, small, .login) { ask(frame, small) }
    for encryption in [PostgresEncryption.ssl, .gss] {
        for frame in frames(input, PostgresWireLimits(), .encryptionResponse(encryption)) { ask(frame, PostgresWireLimits()) }
    }
    return 0
}

private func frames(_ input: Input, _ limits: PostgresWireLimits, _ phase: PostgresFrameScanner.Phase) -> [PostgresFrame] {
    decodeEachWay(input) { PostgresBackendDecoder(limits: limits, phase: phase) }
}

/// Reads all that there is to be read of a frame.
private func ask(_ frame: PostgresFrame, _ limits: PostgresWireLimits) {
    askRow(frame, limits)
    guard let message = try? PostgresBackend.Message(frame, limits: limits) else { return }
    writeAnew(message, frame)
    switch message {
    case .rowDescription(let description):
        expect(Array(description).count == description.count, "another number of columns than it says")
        guard let again = try? PostgresBackend.RowDescription(Array(description)) else { fatalError("columns that cannot be written") }
        expect(again == description, "made anew it is another description")
    case .errorResponse(let error): ask(error.fields)
    case .noticeResponse(let notice): ask(notice.fields)
    case .commandComplete(let complete):
        _ = (complete.tag.verb, complete.tag.affectedRows, complete.tag.insertedOID)
    case .negotiateProtocolVersion(let negotiation):
        expect(Array(negotiation.unrecognizedOptions).count == negotiation.unrecognizedOptions.count, "another number of options")
    case .authenticationSASL(let sasl):
        expect(Array(sasl.mechanisms).count == sasl.mechanisms.count, "another number of mechanisms")
    default: break
    }
}

private func ask(_ fields: PostgresFields) {
    expect(PostgresFields(Array(fields)) == fields, "made anew they are other fields")
    expect(fields.description.utf8.count < 40, "a description as long as the server likes")
}

/// Both ways to read a row see the same.
private func askRow(_ frame: PostgresFrame, _ limits: PostgresWireLimits) {
    guard frame.backendKind == .dataRow else { return }
    let values = (try? PostgresBackend.DataRow(frame, limits: limits)).map { Array($0.values) }
    let columns = frame.bytes.withUnsafeReadableBytes { bytes in
        (try? PostgresDataRow(bytes, payload: 5..<bytes.count, maximumColumns: limits.maximumColumns))?.map { column in
            column.isNull ? nil : ByteBuffer(bytes: bytes[column.offset..<(column.offset + column.length)])
        }
    }
    expect(values == columns, "two ways to a row")
}
