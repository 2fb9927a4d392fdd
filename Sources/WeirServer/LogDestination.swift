import NIOCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Where the lines of a ``LineLog`` go.
public enum LogDestination: Hashable, Sendable {
    case standardOutput
    case standardError
    /// A file that lines are appended to, made if there is none (mode 640). A pipe that has a name must have its reader.
    case file(path: String)
    /// A descriptor that somebody else closes, after the log.
    case descriptor(CInt)

    /// Writes a text at once, on this thread, however long that takes: for the first and last words of a program, not on an event
    /// loop. Silent if it cannot be written.
    public func write(_ text: String) {
        guard let descriptor = try? self.open() else { return }
        _ = descriptor.write(ByteBuffer(string: text)) { false }
        descriptor.close()
    }

    func open() throws -> LogDescriptor {
        switch self {
        case .standardOutput: return LogDescriptor(STDOUT_FILENO, isOwn: false)
        case .standardError: return LogDescriptor(STDERR_FILENO, isOwn: false)
        case .descriptor(let number): return LogDescriptor(number, isOwn: false)
        case .file(let path):
            while true {
                // Without waiting: the reader of a named pipe may never come.
                let number = systemOpen(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640)
                if number >= 0 { return LogDescriptor(number, isOwn: true) }
                guard errno == EINTR else { throw IOError(errnoCode: errno, reason: "open") }
            }
        }
    }
}

/// An open descriptor that text is written to, on one thread at a time.
struct LogDescriptor: Sendable {
    private let number: CInt
    private let isOwn: Bool
    /// The kernel takes any piece of a regular file at once. Where somebody must read first, it takes so much without waiting when it
    /// says that there is room, and does not mix it with what other processes write.
    private let maximumPiece: Int

    /// How long it waits for room before it asks whether it still shall, in milliseconds.
    private static let patience: CInt = 100

    init(_ number: CInt, isOwn: Bool) {
        self.number = number
        self.isOwn = isOwn
        var status = stat()
        let isRegular = fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        #if canImport(Darwin)
            self.maximumPiece = isRegular ? .max : 512
        #else
            self.maximumPiece = isRegular ? .max : 4096
        #endif
    }

    /// Writes all of it.
    ///
    /// - Parameter isGivenUp: Asked before each piece that may have to wait, and ten times a second while it waits.
    /// - Returns: How many bytes were written: less than all if it was given up, or nobody can read it any more.
    func write(_ bytes: ByteBuffer, isGivenUp: () -> Bool) -> Int {
        bytes.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                guard self.waitForRoom(isGivenUp) else { break }
                let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(self.pieceLength(rest)))
                let count = systemWrite(self.number, piece.baseAddress!, piece.count)
                if count >= 0 {
                    rest = rest.dropFirst(count)
                } else if errno != EINTR, errno != EAGAIN {
                    break
                }
            }
            return bytes.count - rest.count
        }
    }

    /// A pipe that nobody reads any more ends no process because of what this thread writes.
    static func surviveBrokenPipes() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    func close() { if self.isOwn { _ = systemClose(self.number) } }

    private func waitForRoom(_ isGivenUp: () -> Bool) -> Bool {
        guard self.maximumPiece < .max else { return true }
        while true {
            var room = pollfd(fd: self.number, events: Int16(POLLOUT), revents: 0)
            // What is not as it should be is told by the write.
            if isGivenUp() { return false }
            if poll(&room, 1, Self.patience) > 0 { return true }
        }
    }

    /// Whole lines if there are any.
    private func pieceLength(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
        guard bytes.count > self.maximumPiece else { return bytes.count }
        let piece = bytes.prefix(self.maximumPiece)
        guard let end = piece.lastIndex(of: UInt8(ascii: "\n")) else { return piece.count }
        return end + 1 - piece.startIndex
    }
}

// The names are those of methods here.
private func systemOpen(_ path: String, _ flags: CInt, _ mode: mode_t) -> CInt { open(path, flags, mode) }
private func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawPointer, _ count: Int) -> Int { write(descriptor, bytes, count) }
private func systemClose(_ descriptor: CInt) -> CInt { close(descriptor) }
