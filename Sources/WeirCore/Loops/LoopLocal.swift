import NIOCore
import NIOPosix
import Synchronization

/// One value for each event loop of a group.
///
/// A value is made on its loop when it is first asked for there, is found again in O(1) without a lock, and dies on its loop: when
/// the last reference to this object is dropped, wherever that is, or when the loop is shut down, whichever comes first. The value
/// need not be `Sendable`: it never leaves its loop.
///
///     let caches = LoopLocal(group) { loop in LocalCache(loop) }
///     ServerBootstrap(group: group).childChannelInitializer { channel in
///         let cache = caches[channel.eventLoop]           // once per connection, then kept in the handler
///         …
///
/// Asking on another thread than the loop's, or for a loop of another group, is a mistake that stops the process with a message: it
/// would be a data race.
///
/// Loops that are not of a `MultiThreadedEventLoopGroup` cannot be watched for their shutdown. Let go of this object, or call
/// ``removeValues()``, before such a loop ends: it can run nothing then, and what is left dies where the last reference was dropped.
public final class LoopLocal<Value>: Sendable {
    /// The loops of the group, in its order.
    public let loops: [any EventLoop]

    // Neither is Sendable, and both are used safely: the table never changes after init, and a cell is touched on its loop only
    // (each way to it checks that), but for `deinit`, which nothing can run beside. The memory of both is freed there.
    @usableFromInline nonisolated(unsafe) let table: UnsafeMutablePointer<Place>
    nonisolated(unsafe) private let cells: [Cell]

    @usableFromInline let mask: Int
    private let make: @Sendable (any EventLoop) -> Value

    /// A place of the hash table: a loop and where its value is. Open addressing; the key 0 ends a search.
    @usableFromInline
    struct Place {
        @usableFromInline let key: UInt
        @usableFromInline let value: UnsafeMutablePointer<Value?>

        init(key: UInt, value: UnsafeMutablePointer<Value?>) {
            self.key = key
            self.value = value
        }
    }

    /// - Parameters:
    ///   - group: Whose loops have a value each. A single loop is a group too.
    ///   - make: Makes the value of a loop; called on that loop, once. It must not ask this object for the value it is making.
    public init(_ group: any EventLoopGroup, make: @escaping @Sendable (any EventLoop) -> Value) {
        let loops = Array(group.makeIterator())
        precondition(!loops.isEmpty, "LoopLocal: the group has no event loops")
        self.loops = loops
        self.make = make
        self.cells = loops.map { Cell($0) }
        // At most half full, so that probing ends soon.
        var capacity = 2
        while capacity < loops.count * 2 { capacity *= 2 }
        self.mask = capacity - 1
        self.table = .allocate(capacity: capacity)
        self.table.initialize(repeating: Place(key: 0, value: self.cells[0].value), count: capacity)
        for cell in self.cells {
            let key = UInt(bitPattern: ObjectIdentifier(cell.loop))
            var index = Self.hash(key) & self.mask
            while self.table[index].key != 0 {
                precondition(self.table[index].key != key, "LoopLocal: the group has an event loop twice")
                index = (index + 1) & self.mask
            }
            self.table[index] = Place(key: key, value: cell.value)
        }
    }

    deinit {
        for cell in self.cells where cell.claim() { Self.removeValue(cell) }
        self.table.deallocate()
    }

    // MARK: Values

    /// The value of a loop, made if there is none. On that loop only.
    ///
    /// - Complexity: O(1), no lock, no atomic operation but the reference count of what is returned.
    @inlinable
    public subscript(loop: any EventLoop) -> Value {
        self.place(of: loop).pointee ?? self.makeValue(loop)
    }

    /// The value of a loop if it has been made. On that loop only.
    @inlinable
    public func existing(on loop: any EventLoop) -> Value? {
        self.place(of: loop).pointee
    }

    /// Calls `body` on each loop with its value, which is made if there is none. May be called on any thread.
    ///
    /// - Returns: What `body` returned, in the order of ``loops``. A loop that has been shut down never answers.
    public func onEachLoop<Result: Sendable>(
        _ body: @escaping @Sendable (Value) throws -> Result
    ) -> [EventLoopFuture<Result>] {
        self.loops.map { loop in loop.submit { try body(self[loop]) } }
    }

    /// Calls `body` on each loop, with its value if that has been made. May be called on any thread.
    ///
    /// - Returns: What `body` returned, in the order of ``loops``; `nil` where there was no value.
    public func onEachExisting<Result: Sendable>(
        _ body: @escaping @Sendable (Value) throws -> Result
    ) -> [EventLoopFuture<Result?>] {
        self.loops.map { loop in loop.submit { try self.existing(on: loop).map(body) } }
    }

    /// Has each loop let go of its value. Asking again makes a new one. May be called on any thread.
    ///
    /// - Returns: One future for each loop, in the order of ``loops``.
    public func removeValues() -> [EventLoopFuture<Void>] {
        self.loops.indices.map { index in
            self.loops[index].submit {
                let cell = self.cells[index]
                if cell.claim() { cell.removeValue() }
            }
        }
    }

    // MARK: Inside

    /// Where the value of this loop is, on whose thread this is.
    @inlinable
    func place(of loop: any EventLoop) -> UnsafeMutablePointer<Value?> {
        let key = UInt(bitPattern: ObjectIdentifier(loop))
        var index = Self.hash(key) & self.mask
        while self.table[index].key != key {
            if self.table[index].key == 0 { self.stopForStranger(loop) }
            index = (index &+ 1) & self.mask
        }
        if !loop.inEventLoop { self.stopForWrongThread(loop) }
        return self.table[index].value
    }

    @inline(never)
    @usableFromInline
    func makeValue(_ loop: any EventLoop) -> Value {
        let cell = self.cells[self.loops.firstIndex { $0 === loop }!]
        precondition(!cell.isMaking, "LoopLocal<\(Value.self)>: `make` asked for the value it is making")
        cell.isMaking = true
        let value = self.make(cell.loop)
        cell.isMaking = false
        cell.setValue(value)
        return value
    }

    @inline(never)
    @usableFromInline
    func stopForStranger(_ loop: any EventLoop) -> Never {
        preconditionFailure(
            """
            LoopLocal<\(Value.self)>: \(loop) is not a loop of the group that this was made for. \
            Ask with the loop of the channel or context you are in, and make both from the same EventLoopGroup.
            """)
    }

    @inline(never)
    @usableFromInline
    func stopForWrongThread(_ loop: any EventLoop) -> Never {
        preconditionFailure(
            """
            LoopLocal<\(Value.self)>: asked for the value of \(loop) on another thread than that loop's. \
            Ask on the loop itself (in a channel initializer or handler, in loop.execute), or use onEachLoop.
            """)
    }

    @inlinable
    static func hash(_ key: UInt) -> Int {
        // Fibonacci hashing: the addresses of objects differ in the middle bits, the product's high half depends on all of them.
        Int(truncatingIfNeeded: (UInt64(key) &* 0x9E37_79B9_7F4A_7C15) &>> 32)
    }

    private static func removeValue(_ cell: Cell) {
        if cell.loop.inEventLoop {
            cell.removeValue()
        } else {
            // Safe to hand over: whoever claimed the value is the only one to touch it.
            nonisolated(unsafe) let orphan = cell
            cell.loop.execute { orphan.removeValue() }
        }
    }

    /// The place of one loop's value.
    private final class Cell: NIOScheduledCallbackHandler {
        let loop: any EventLoop
        var isMaking = false
        let value: UnsafeMutablePointer<Value?>
        /// Whether there is a value that nobody has set out to remove. The end of the façade and the end of the loop may come together.
        private let isLive = Atomic<Bool>(false)
        private var watch: NIOScheduledCallback?

        init(_ loop: any EventLoop) {
            self.loop = loop
            self.value = .allocate(capacity: 1)
            self.value.initialize(to: nil)
        }

        deinit {
            self.value.deinitialize(count: 1)
            self.value.deallocate()
        }

        func setValue(_ value: Value) {
            self.value.pointee = value
            self.isLive.store(true, ordering: .releasing)
            // A callback that never comes: the loop says so when it shuts down. Others say it for other reasons too.
            if MultiThreadedEventLoopGroup.currentEventLoop === self.loop {
                self.watch = try? self.loop.assumeIsolated().scheduleCallback(at: .distantFuture, handler: self)
            }
        }

        /// Whether it is up to the caller to remove the value.
        func claim() -> Bool { self.isLive.exchange(false, ordering: .acquiringAndReleasing) }

        func removeValue() {
            let watch = self.watch.take()
            watch?.cancel()
            // Taken out before it is released: its deinit may ask for what is here.
            let value = self.value.move()
            self.value.initialize(to: nil)
            withExtendedLifetime(value) {}
        }

        func handleScheduledCallback(eventLoop: some EventLoop) {}

        func didCancelScheduledCallback(eventLoop: some EventLoop) {
            // Not when it was cancelled just above.
            if self.watch != nil, self.claim() {
                self.watch = nil
                self.removeValue()
            }
        }
    }
}
