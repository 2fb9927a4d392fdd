import NIOCore

extension RESPFrame {
    /// The elements of an array, a set or a push; of a map, keys and values in turn. Nil for everything else.
    ///
    /// - Complexity: O(1). To walk over them reads each byte of what is nested once more for each level that is walked.
    @inlinable
    public var elements: Elements? {
        self.bytes.withUnsafeReadableBytes { bytes in
            let at = RESPReading.value(bytes, at: 0)
            guard let perEntry = RESPReading.perEntry(bytes[at]), bytes[at] != RESPReading.attribute else { return nil }
            let line = RESPReading.length(bytes, at: at + 1)
            if line.length == -1 { return nil }
            return Elements(self.bytes, from: line.end, count: line.isStreamed ? .max : line.length * perEntry)
        }
    }

    /// The entries of a map. Nil for everything else, arrays of RESP2 too: see ``pairs``.
    public var entries: Pairs? { self.kind == .map ? self.elements.map(Pairs.init) : nil }

    /// The entries of a map, or of an array that means one, as RESP2 has it. Nil for everything else and for an odd number of elements.
    ///
    /// - Complexity: O(1) for a map, linear in the bytes of an array that was streamed.
    public var pairs: Pairs? {
        switch self.kind {
        case .map: return self.elements.map(Pairs.init)
        case .array: return self.elements.flatMap { $0.count % 2 == 0 ? Pairs($0) : nil }
        case .simpleString, .simpleError, .integer, .bulkString, .null, .boolean, .double, .bigNumber, .bulkError, .verbatimString, .set,
            .push:
            return nil
        }
    }

    /// The attributes before the value: hints about it, as how popular a key is. Nil if there are none; those of the first group if a
    /// server should send several.
    public var attributes: Pairs? {
        self.bytes.withUnsafeReadableBytes { bytes in
            guard bytes[0] == RESPReading.attribute else { return nil }
            let line = RESPReading.length(bytes, at: 1)
            return Pairs(Elements(self.bytes, from: line.end, count: line.isStreamed ? .max : line.length * 2))
        }
    }

    /// Values inside another.
    public struct Elements: Sequence, Sendable {
        /// From the first element on, as far as the frame goes.
        @usableFromInline var bytes: ByteBuffer
        @usableFromInline let announced: Int

        @inlinable
        init(_ bytes: ByteBuffer, from start: Int, count: Int) {
            self.bytes = bytes
            self.bytes.moveReaderIndex(forwardBy: start)
            self.announced = count
        }

        /// How many there are.
        ///
        /// - Complexity: O(1); linear in the bytes if they were streamed.
        public var count: Int { self.announced < .max ? self.announced : self.reduce(0) { count, _ in count + 1 } }

        @inlinable
        public var underestimatedCount: Int { self.announced < .max ? self.announced : 0 }

        @inlinable
        public func makeIterator() -> Iterator { Iterator(self) }

        /// Goes from one to the next.
        public struct Iterator: IteratorProtocol {
            @usableFromInline var rest: ByteBuffer
            @usableFromInline var missing: Int

            @inlinable
            init(_ elements: Elements) {
                self.rest = elements.bytes
                self.missing = elements.announced
            }

            @inlinable
            public mutating func next() -> RESPFrame? {
                guard self.missing > 0 else { return nil }
                let length = self.rest.withUnsafeReadableBytes { bytes in
                    bytes[0] == RESPReading.endOfStream ? 0 : RESPReading.end(bytes, at: 0)
                }
                guard length > 0 else {
                    self.missing = 0
                    return nil
                }
                self.missing -= 1
                return self.rest.readSlice(length: length).map(RESPFrame.init(checked:))
            }
        }
    }

    /// Keys and their values inside another value.
    public struct Pairs: Sequence, Sendable {
        private let elements: Elements

        fileprivate init(_ elements: Elements) { self.elements = elements }

        /// How many there are. As ``Elements/count``.
        public var count: Int { self.elements.count / 2 }

        public var underestimatedCount: Int { self.elements.underestimatedCount / 2 }

        public func makeIterator() -> Iterator { Iterator(elements: self.elements.makeIterator()) }

        /// Goes from one to the next.
        public struct Iterator: IteratorProtocol {
            fileprivate var elements: Elements.Iterator

            public mutating func next() -> (key: RESPFrame, value: RESPFrame)? {
                guard let key = self.elements.next(), let value = self.elements.next() else { return nil }
                return (key, value)
            }
        }
    }
}
