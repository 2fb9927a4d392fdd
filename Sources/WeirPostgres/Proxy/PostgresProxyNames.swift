import NIOCore

/// What one client calls its statements. A value without any I/O.
///
/// A Parse or a Close counts from when it is passed on, as what follows it in the same pipeline needs it, and is taken back if the server did
/// not come to it.
struct PostgresProxyNames {
    private struct Binding {
        let statement: PostgresProxyStatement
        let serial: UInt32
    }

    private enum Change {
        case defined(ByteBuffer, segment: UInt32, serial: UInt32)
        case closed(ByteBuffer, segment: UInt32, Binding?)
    }

    private var bindings: [ByteBuffer: Binding] = [:]
    /// Not answered yet, in their order.
    private var changes = CircularBuffer<Change>()
    private var lastSerial: UInt32 = 0

    var count: Int { self.bindings.count }
    var isSettled: Bool { self.changes.isEmpty }
    var statements: [PostgresProxyStatement] { self.bindings.values.map(\.statement) }

    func statement(_ name: ByteBuffer) -> PostgresProxyStatement? { self.bindings[name]?.statement }

    /// Whether something was sent before this segment that changes what the name means, and is not answered.
    func isChanging(_ name: ByteBuffer, before segment: UInt32) -> Bool {
        // Mostly there is nothing.
        if self.changes.isEmpty { return false }
        return self.changes.contains { change in
            switch change {
            case .defined(name, let changed, _), .closed(name, let changed, _): return changed != segment
            case .defined, .closed: return false
            }
        }
    }

    /// - Precondition: nothing has that name.
    mutating func define(_ name: ByteBuffer, _ statement: PostgresProxyStatement, segment: UInt32) {
        precondition(self.bindings[name] == nil, "a name that is taken")
        self.lastSerial &+= 1
        let name = ByteBuffer(bytes: name.readableBytesView)
        self.bindings[name] = Binding(statement: statement, serial: self.lastSerial)
        self.changes.append(.defined(name, segment: segment, serial: self.lastSerial))
    }

    mutating func close(_ name: ByteBuffer, segment: UInt32) {
        let name = ByteBuffer(bytes: name.readableBytesView)
        self.changes.append(.closed(name, segment: segment, self.bindings.removeValue(forKey: name)))
    }

    /// The server has done the first one.
    ///
    /// - Returns: a statement that the client does not have any more.
    mutating func confirm() -> PostgresProxyStatement? {
        guard case .closed(_, _, let binding)? = self.changes.popFirst() else { return nil }
        return binding?.statement
    }

    /// The server has not done the first so many, and will not: the last of them is taken back first.
    ///
    /// - Returns: statements that the client does not have any more.
    mutating func takeBack(_ count: Int) -> [PostgresProxyStatement] {
        var gone: [PostgresProxyStatement] = []
        for offset in (0..<count).reversed() {
            switch self.changes[self.changes.index(self.changes.startIndex, offsetBy: offset)] {
            case .defined(let name, _, let serial):
                guard let binding = self.bindings[name], binding.serial == serial else { continue }
                self.bindings[name] = nil
                gone.append(binding.statement)
            case .closed(let name, _, let binding):
                guard let binding else { continue }
                if self.bindings[name] == nil { self.bindings[name] = binding } else { gone.append(binding.statement) }
            }
        }
        self.changes.removeFirst(count)
        return gone
    }

    /// The session has thrown all of them away; what is not answered yet comes after that.
    ///
    /// - Returns: what the client does not have any more.
    mutating func discardAll() -> [PostgresProxyStatement] {
        var pending: Set<UInt32> = []
        for case .defined(_, _, let serial) in self.changes { pending.insert(serial) }
        var gone: [PostgresProxyStatement] = []
        for (name, binding) in self.bindings where !pending.contains(binding.serial) {
            gone.append(binding.statement)
            self.bindings[name] = nil
        }
        return gone
    }

    /// The client has left.
    ///
    /// - Returns: all that it had, what it was about to close included.
    mutating func removeAll() -> [PostgresProxyStatement] {
        var gone = self.bindings.values.map(\.statement)
        for case .closed(_, _, let binding?) in self.changes { gone.append(binding.statement) }
        self.bindings = [:]
        self.changes.removeAll()
        return gone
    }
}
