import NIOCore

/// A statement as clients have prepared it: text and parameter types, whatever they call it. Every server connection has it under the same
/// name, if at all.
final class PostgresProxyStatement {
    /// Never 0, and never another statement's on this loop.
    let number: UInt32
    /// What Parse says after the name: text, NUL, types.
    let definition: ByteBuffer
    /// What servers know it by.
    let name: ByteBuffer
    let traits: PostgresProxyText.Traits
    /// Clients' names for it, and connections that have it.
    fileprivate(set) var users = 0

    init(number: UInt32, definition: ByteBuffer) {
        self.number = number
        self.definition = definition
        self.name = ByteBuffer(string: "\(Self.prefix)\(number)")
        self.traits = definition.withUnsafeReadableBytes { PostgresProxyText.traits(ofText: $0) }
    }

    /// Names that begin so are the proxy's own, and no client's reach a server.
    static var prefix: String { "weir:" }
    /// A name that no statement has.
    static let nobody = ByteBuffer(string: PostgresProxyStatement.prefix)
}

/// The statements of one loop, each once, as long as somebody uses it. On its loop only.
final class PostgresProxyStatements {
    private var byDefinition: [ByteBuffer: PostgresProxyStatement] = [:]
    private var lastNumber: UInt32 = 0

    var count: Int { self.byDefinition.count }

    /// The statement of this definition; to be kept by ``retain(_:)`` if it is to last.
    func find(_ definition: ByteBuffer) -> PostgresProxyStatement {
        if let statement = self.byDefinition[definition] { return statement }
        self.lastNumber = self.lastNumber == .max ? 1 : self.lastNumber + 1
        // Of its own, as a slice would keep all that was read with it.
        let statement = PostgresProxyStatement(number: self.lastNumber, definition: ByteBuffer(bytes: definition.readableBytesView))
        self.byDefinition[statement.definition] = statement
        return statement
    }

    func retain(_ statement: PostgresProxyStatement) { statement.users += 1 }

    func release(_ statement: PostgresProxyStatement) {
        statement.users -= 1
        if statement.users == 0, self.byDefinition[statement.definition] === statement { self.byDefinition[statement.definition] = nil }
    }

    /// What is prepared from now on is another statement than before: the tables may be others.
    ///
    /// Who prepared a statement before keeps the plan, and the error that tells that its result has changed; who prepares it now gets a new
    /// one.
    func forgetDefinitions() { self.byDefinition.removeAll(keepingCapacity: true) }
}
