import Foundation
import NIOCore

/// Standard output and error, one write for each call.
enum Console {
    static func out(_ text: String) { self.write(ByteBuffer(string: text), to: STDOUT_FILENO) }
    static func out(_ bytes: ByteBuffer) { self.write(bytes, to: STDOUT_FILENO) }
    static func error(_ text: String) { self.write(ByteBuffer(string: text), to: STDERR_FILENO) }

    private static func write(_ bytes: ByteBuffer, to descriptor: Int32) {
        bytes.withUnsafeReadableBytes { pointer in
            var rest = UnsafeRawBufferPointer(pointer)
            while let base = rest.baseAddress, !rest.isEmpty {
                #if canImport(Darwin)
                    let count = Darwin.write(descriptor, base, rest.count)
                #else
                    let count = Glibc.write(descriptor, base, rest.count)
                #endif
                if count < 0 {
                    if errno == EINTR { continue }
                    // Nobody reads it: there is nobody to tell either.
                    return
                }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
        }
    }
}
