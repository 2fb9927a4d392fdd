#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The counters of the library that dev/counts preloads (Benchmarks/Counters), read at points of a program's choosing.
public struct PreloadedCounters {
    private typealias Read = @convention(c) (UnsafeMutablePointer<UInt64>) -> Void
    private typealias Name = @convention(c) (Int) -> UnsafePointer<CChar>?
    private typealias Size = @convention(c) () -> Int

    private let read: Read
    private let names: [String]
    private let atBegin: UnsafeMutableBufferPointer<UInt64>
    private let atEnd: UnsafeMutableBufferPointer<UInt64>

    /// Nil when the library was not preloaded.
    public init?() {
        guard
            let read = dlsym(nil, "weir_counts_read"),
            let name = dlsym(nil, "weir_counts_name"),
            let size = dlsym(nil, "weir_counts_size")
        else { return nil }
        self.read = unsafeBitCast(read, to: Read.self)
        let nameOf = unsafeBitCast(name, to: Name.self)
        let count = unsafeBitCast(size, to: Size.self)()
        self.names = (0..<count).map { String(cString: nameOf($0)!) }
        self.atBegin = .allocate(capacity: count)
        self.atEnd = .allocate(capacity: count)
        self.atBegin.initialize(repeating: 0)
        self.atEnd.initialize(repeating: 0)
    }

    /// Counts begin here. Allocates nothing.
    public func begin() { self.read(self.atBegin.baseAddress!) }

    /// Counts end here. Allocates nothing.
    public func end() { self.read(self.atEnd.baseAddress!) }

    /// Prints `COUNT <metric> <number>` for each counter: what happened, in all threads, from begin to end.
    public func report() {
        for (index, name) in self.names.enumerated() {
            print("COUNT \(name) \(self.atEnd[index] &- self.atBegin[index])")
        }
    }
}
