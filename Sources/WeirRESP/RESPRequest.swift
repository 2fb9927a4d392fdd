import NIOCore

/// A command as a server or a proxy gets it: its name and its arguments, each any bytes.
///
/// Holds the command as it goes over the wire, an array of strings: for one that came so, the very slice of the read buffer, to be passed
/// on untouched; one that came in the inline form has been written anew.
public struct RESPRequest: Hashable, Sendable {
    /// `*<count>`, and each argument with its length.
    public let bytes: ByteBuffer

    @inline(__always)
    init(checked bytes: ByteBuffer) {
        self.bytes = bytes
    }

    /// A command that a ``RESPCommandScanner`` has found.
    ///
    /// - Parameter bytes: exactly those of the command; nothing is checked again.
    public init(scanned bytes: ByteBuffer) { self.bytes = bytes }

    /// A command of these arguments, its name first. Copies them.
    ///
    /// - Precondition: there is at least one.
    public init(_ arguments: [ByteBuffer]) {
        precondition(!arguments.isEmpty, "a command has a name")
        var bytes = ByteBuffer()
        bytes.writeRESPCommand(parts: arguments)
        self.bytes = bytes
    }

    /// How many arguments there are, the name counted.
    public var count: Int {
        self.bytes.withUnsafeReadableBytes { RESPReading.length($0, at: 1).length }
    }

    /// The name and the arguments, as slices.
    public var arguments: Arguments { Arguments(bytes: self.bytes) }

    /// The name, as the client wrote it.
    public var name: ByteBuffer {
        var iterator = self.arguments.makeIterator()
        guard let name = iterator.next() else { preconditionFailure("a command without a name") }
        return name
    }

    /// Goes through the arguments. Each step reads one length.
    public struct Arguments: Sequence, Sendable {
        fileprivate let bytes: ByteBuffer

        public var underestimatedCount: Int { self.bytes.withUnsafeReadableBytes { RESPReading.length($0, at: 1).length } }

        public func makeIterator() -> Iterator { Iterator(self.bytes) }

        /// Goes from one to the next.
        public struct Iterator: IteratorProtocol {
            private var rest: ByteBuffer
            private var missing: Int

            fileprivate init(_ bytes: ByteBuffer) {
                let line = bytes.withUnsafeReadableBytes { RESPReading.length($0, at: 1) }
                self.rest = bytes
                self.rest.moveReaderIndex(forwardBy: line.end)
                self.missing = line.length
            }

            public mutating func next() -> ByteBuffer? {
                guard self.missing > 0 else { return nil }
                self.missing -= 1
                let line = self.rest.withUnsafeReadableBytes { RESPReading.length($0, at: 1) }
                self.rest.moveReaderIndex(forwardBy: line.end)
                let argument = self.rest.readSlice(length: line.length)
                self.rest.moveReaderIndex(forwardBy: 2)
                return argument
            }
        }
    }
}

/// Shows the beginning of the name and the number of arguments only: an argument may be a secret.
extension RESPRequest: CustomStringConvertible {
    public var description: String {
        // A client chooses the name: nothing of it may spoil a log.
        let name = String(decoding: self.name.readableBytesView.prefix(32), as: UTF8.self)
        return "RESPRequest(\(name.debugDescription), \(self.count - 1) arguments)"
    }
}
