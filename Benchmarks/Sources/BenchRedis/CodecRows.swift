import Measuring
import NIOCore
import WeirRESP

let codecRows: [Row] = [
    ("decode-bulk-32", { sampler in Replies(Replies.bulk).measure(sampler, perFrame: 1) }),
    (
        "decode-array-of-ten",
        { sampler in
            Replies("*10\r\n" + String(repeating: Replies.bulk, count: 10)).measure(sampler, perFrame: 10)
        }
    ),
    (
        "decode-array-of-100000",
        { sampler in
            Replies("*100000\r\n" + String(repeating: Replies.bulk, count: 100_000), endless: false).measure(sampler, perFrame: 100_000)
        }
    ),
    (
        "encode-get",
        { sampler in
            let key = ByteBuffer(string: "key:0123456789abcdef")
            var out = ByteBuffer()
            sampler.measure { operations in
                for _ in 0..<operations {
                    // As a connection does it: many commands in one buffer, then it is written and used again.
                    if out.readableBytes > 16_000 { out.clear() }
                    out.writeRESPCommand("GET", key)
                }
            }
            keep(out)
        }
    ),
]

/// A stream of replies as a socket delivers it, in reads of 16 KiB that end anywhere.
struct Replies {
    static let bulk = "$32\r\nabcdefghijklmnopqrstuvwxyz012345\r\n"

    private let reads: [ByteBuffer]

    /// - Parameter endless: the wire is repeated for ever; otherwise the reads are of one whole value.
    init(_ wire: String, endless: Bool = true) {
        let size = 16_384
        let length = wire.utf8.count
        if endless {
            // One for each place in the wire at which a read can begin, all of memory that stays in the cache.
            let memory = ByteBuffer(string: String(repeating: wire, count: size / length + 2))
            self.reads = (0..<length).map { memory.getSlice(at: $0 * size % length, length: size)! }
        } else {
            let memory = ByteBuffer(string: wire)
            self.reads = stride(from: 0, to: length, by: size).map { memory.getSlice(at: $0, length: min(size, length - $0))! }
        }
    }

    /// Nanoseconds per string: taken out of its reply and every byte of it looked at.
    func measure(_ sampler: Sampler, perFrame: Int) {
        sampler.measure { operations in
            var sum: UInt64 = 0
            var reader = RESPFrameReader()
            var strings = 0
            while strings < operations {
                for read in self.reads {
                    reader.append(read)
                    while let frame = try! reader.next() {
                        if perFrame == 1 {
                            sum &+= Self.sum(frame)
                        } else if let elements = frame.elements {
                            for element in elements { sum &+= Self.sum(element) }
                        }
                        strings += perFrame
                    }
                }
            }
            keep(sum)
        }
    }

    /// Adds up words, as the peer does.
    @inline(__always)
    private static func sum(_ frame: RESPFrame) -> UInt64 {
        frame.withStringBytes { bytes in
            var sum: UInt64 = 0
            var offset = 0
            while offset + 8 <= bytes.count {
                sum &+= bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                offset += 8
            }
            while offset < bytes.count {
                sum &+= UInt64(bytes[offset])
                offset += 1
            }
            return sum
        } ?? 0
    }
}
