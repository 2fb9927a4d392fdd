import NIOCore
import Testing
import WeirPostgresWire

/// Messages that chance has changed: read or refused, and what is read is written as the same bytes.
@Suite struct MutationTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func mutatedMessagesOfABackend(seed: UInt64) {
        var (read, refused) = (0, 0)
        self.mutate(Corpus.backend.map(\.wire), seed: seed) { bytes in
            guard let frame = try? frame(bytes, .backend), let message = try? PostgresBackend.Message(frame) else {
                refused += 1
                return
            }
            read += 1
            var written = ByteBuffer()
            #expect(throws: Never.self) { try message.write(into: &written) }
            if written != bytes { Issue.record("seed \(seed): \(bytes) is written as \(written)") }
            if case .rowDescription(let description) = message { #expect(Array(description).count == description.count) }
            if case .errorResponse(let error) = message { _ = error.fields.description }
            if case .dataRow(let row) = message { self.walksAlike(row, bytes) }
        }
        #expect(read > 1000 && refused > 1000)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func mutatedMessagesOfAFrontend(seed: UInt64) {
        var (read, refused) = (0, 0)
        self.mutate((Corpus.startup + Corpus.frontend).map(\.wire), seed: seed) { bytes in
            guard let frame = try? frame(bytes, .frontend), let message = try? PostgresFrontend.Message(frame) else {
                refused += 1
                return
            }
            read += 1
            var written = ByteBuffer()
            #expect(throws: Never.self) { try message.write(into: &written) }
            if written != bytes { Issue.record("seed \(seed): \(bytes) is written as \(written)") }
        }
        #expect(read > 1000 && refused > 1000)
    }

    private func walksAlike(_ row: PostgresBackend.DataRow, _ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { memory in
            let walked = try? PostgresDataRow(memory, payload: 5..<memory.count)
            #expect(walked?.map { $0.isNull ? nil : bytes.getSlice(at: $0.offset, length: $0.length) } == Array(row.values))
        }
    }

    /// Changes a byte or a few, cuts, inserts; the length is right as often as not.
    private func mutate(_ wires: [ByteBuffer], seed: UInt64, _ body: (ByteBuffer) -> Void) {
        var generator = SeededGenerator(seed: seed)
        let odd: [UInt8] = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF]
        for _ in 0..<10_000 {
            var bytes = Array(wires.randomElement(using: &generator)!.readableBytesView)
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = odd.randomElement(using: &generator)!
                case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 2: bytes.insert(odd.randomElement(using: &generator)!, at: place)
                default: if bytes.count > 1 { bytes.remove(at: place) }
                }
            }
            var buffer = ByteBuffer(bytes: bytes)
            if Bool.random(using: &generator) {
                let place = bytes[0] == 0 ? 0 : 1
                if bytes.count >= place + 4 { buffer.setInteger(UInt32(bytes.count - place), at: place) }
            }
            body(buffer)
        }
    }
}
