import NIOCore

/// What a StartupMessage asks for: `user`, `database`, `replication`, `options`, settings of the session, and `_pq_.` extensions.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, StartupMessage.
public struct PostgresStartupParameters: Hashable, Sendable, Sequence, ExpressibleByDictionaryLiteral {
    /// A parameter.
    public typealias Element = (name: PostgresString, value: PostgresString)

    /// Names and values in turn.
    private let strings: PostgresNames

    init(_ reader: inout PostgresReader, limits: PostgresWireLimits) throws(PostgresWireError) {
        var names = reader
        var count = 0
        var length = 0
        while try !reader.string().isEmpty {
            count += 1
            guard count <= limits.maximumOptions else { throw PostgresWireError(.tooManyOptions, "more parameters than the limit") }
            _ = try reader.string()
            length = names.remaining - reader.remaining
        }
        self.strings = PostgresNames(checked: try names.bytes(length), count: count * 2)
    }

    /// These parameters, in their order.
    public init(_ parameters: some Sequence<Element>) {
        self.strings = PostgresNames(parameters.flatMap { [$0.name, $0.value] })
    }

    /// These parameters, in their order.
    public init(dictionaryLiteral elements: (PostgresString, PostgresString)...) {
        self.init(elements.lazy.map { (name: $0, value: $1) })
    }

    /// How many there are.
    public var count: Int { self.strings.count / 2 }

    /// The value of the parameter of this name.
    ///
    /// - Complexity: linear in the parameters.
    public subscript(name: String) -> PostgresString? { self.first { $0.name == name }?.value }

    /// Who wants in.
    public var user: PostgresString? { self["user"] }

    /// Where to; the user's name if it is not given.
    public var database: PostgresString? { self["database"] ?? self.user }

    /// Reads them one after another.
    public func makeIterator() -> Iterator { Iterator(strings: self.strings.makeIterator()) }

    /// Reads parameters one after another.
    public struct Iterator: IteratorProtocol, Sendable {
        fileprivate var strings: PostgresNames.Iterator

        /// The next parameter; nil after the last.
        public mutating func next() -> Element? {
            guard let name = self.strings.next(), let value = self.strings.next() else { return nil }
            return (name, value)
        }
    }

    /// There is a user, and none comes twice.
    ///
    /// Quadratic in the parameters, which are few.
    func check() throws(PostgresWireError) {
        guard self.strings.areWhole else { throw PostgresWireError(.nulInString, "a parameter that contains NUL") }
        guard let user = self.user, !user.isEmpty else { throw PostgresWireError(.missingParameter, "no user") }
        for (index, parameter) in self.enumerated() where self.prefix(index).contains(where: { $0.name == parameter.name }) {
            throw PostgresWireError(.duplicateParameter, "a parameter that comes twice")
        }
    }

    func write(_ message: inout PostgresMessageWriter) throws(PostgresWireError) {
        guard self.allSatisfy({ !$0.name.isEmpty }) else {
            throw PostgresWireError(.malformedMessage, "an empty name would end the parameters early")
        }
        try self.strings.write(&message)
        try message.integer(0 as UInt8)
    }
}

/// Shows how many there are only.
extension PostgresStartupParameters: CustomStringConvertible {
    /// How many there are.
    public var description: String { "PostgresStartupParameters(\(self.count))" }
}
