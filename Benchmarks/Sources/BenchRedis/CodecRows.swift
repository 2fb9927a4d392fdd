import Measuring
import NIOCore
import WeirRESP

let codecRows: [Row] = [
    ("decode-bulk-32", { sampler in Replies(String(repeating: Replies.bulk, count: 10_000)).measure(sampler, perFrame: 1) }),
    (
        "decode-array-of-ten",
        { sampler in
            let array = "*10\r\n" + String(repeating: Replies.bulk, count: 10)
            Replies(String(repeating: array, count: 1_000)).measure(sampler, perFrame: 10)
        }
    ),
    (
        "decode-array-of-100000",
        { sampler in Replies("*100000\r\n" + String(repeating: Replies.bulk, count: 100_000)).measure(sampler, perFrame: 100_000) }
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

    init(_ wire: String) {
        var rest = ByteBuffer(string: wire)
        var reads: [ByteBuffer] = []
        while rest.readableBytes > 0 {
            // A buffer of its own, as each read gives.
            reads.append(ByteBuffer(bytes: rest.readSlice(length: min(16_384, rest.readableBytes))!.readableBytesView))
        }
        self.reads = reads
    }

    /// Nanoseconds per string: taken out of its reply and every byte of it looked at.
    func measure(_ sampler: Sampler, perFrame: Int) {
        var sum: UInt64 = 0
        sampler.measure { operations in
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
        }
        keep(sum)
    }

    @inline(__always)
    private static func sum(_ frame: RESPFrame) -> UInt64 {
        frame.withStringBytes { bytes in
            var sum: UInt64 = 0
            for byte in bytes { sum &+= UInt64(byte) }
            return sum
        } ?? 0
    }
}
