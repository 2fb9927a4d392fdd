/// What lengths a kind of message can have on the wire: they count their own four bytes and not the tag.
struct PostgresMessageLengths {
    /// Which limit holds.
    enum Maximum {
        /// The protocol leaves no choice.
        case exactly(Int)
        /// ``PostgresWireLimits/maximumControlMessageLength``.
        case control
        /// ``PostgresWireLimits/maximumLoginMessageLength``.
        case login
        /// ``PostgresWireLimits/maximumMessageLength``.
        case any
    }

    let minimum: Int
    private let kind: Maximum

    init(_ minimum: Int, _ maximum: Maximum) {
        self.minimum = minimum
        self.kind = maximum
    }

    static func exactly(_ length: Int) -> PostgresMessageLengths { PostgresMessageLengths(length, .exactly(length)) }

    func maximum(_ limits: PostgresWireLimits) -> Int {
        switch self.kind {
        case .exactly(let length): return length
        case .control: return limits.maximumControlMessageLength
        case .login: return limits.maximumLoginMessageLength
        case .any: return limits.maximumMessageLength
        }
    }
}
