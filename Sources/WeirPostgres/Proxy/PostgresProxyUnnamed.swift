import NIOCore

/// The unnamed statement of one client, wherever its transaction is. A value without any I/O.
///
/// The server forgets it with every query of the simple protocol, and another client's may be in its place on the next connection; so its
/// definition is kept here.
struct PostgresProxyUnnamed {
    enum State: Equatable {
        /// The server has none of this client's. Next: parsing.
        case absent
        /// Next: present, absent.
        case parsing(segment: UInt32)
        /// Next: parsing, absent.
        case present
    }

    /// As what is sent next will find it, if all goes well.
    private(set) var state = State.absent
    /// Whether the server has one, whatever becomes of those that it has not answered yet.
    private var isSettled = false
    private var unanswered = 0
    private var pending = ByteBuffer()
    private var isPendingKept = false
    /// What the server has parsed last, without the name; only if it is kept.
    private(set) var definition = ByteBuffer()
    private(set) var isKept = false

    /// Another server connection.
    mutating func begin() {
        self.state = .absent
        self.isSettled = false
    }

    /// Parse of the client's.
    ///
    /// - Parameter definition: nil if it is too long to be kept.
    mutating func sent(_ definition: ByteBuffer?, segment: UInt32) {
        self.pending.clear()
        if let definition { self.pending.writeImmutableBuffer(definition) }
        self.isPendingKept = definition != nil
        self.sentAgain(segment: segment)
    }

    /// Parse of what is kept, by the proxy.
    mutating func sentAgain(segment: UInt32) {
        self.unanswered += 1
        self.state = .parsing(segment: segment)
    }

    mutating func parsed(isOwn: Bool) {
        self.unanswered -= 1
        self.isSettled = true
        if self.unanswered == 0 { self.state = .present }
        guard !isOwn else { return }
        // Of several in flight only the last one's text is there.
        guard self.unanswered == 0 else {
            self.isKept = false
            return
        }
        swap(&self.definition, &self.pending)
        self.isKept = self.isPendingKept
    }

    /// The server could not parse it, and has none then; or did not come to it.
    mutating func notParsed(hasFailed: Bool, isOwn: Bool) {
        self.unanswered -= 1
        if hasFailed {
            self.isSettled = false
            if !isOwn { self.isKept = false }
        }
        if self.unanswered == 0 { self.state = self.isSettled ? .present : .absent }
    }

    /// The server has forgotten it.
    mutating func forgotten() {
        self.isSettled = false
        self.isKept = false
        if self.unanswered == 0 { self.state = .absent }
    }

    /// The client closes it where it is not.
    mutating func closed() { if self.state == .absent { self.isKept = false } }
}
