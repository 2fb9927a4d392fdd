import NIOCore
import WeirPostgresWire

/// A client's prepared statements, wherever its transaction is.
extension PostgresProxyHandler {
    private var statements: PostgresProxyStatements? { self.tenant?.statements }

    /// Parse with a name.
    func prepare(_ name: ByteBuffer, _ definition: ByteBuffer) throws(PostgresWireError) {
        guard let statements else { return }
        if let taken = self.pipeline.names.statement(name) {
            // The server refuses it in its turn, as it does not take a name twice.
            try self.bringAbout(taken)
            // But it looks at the text first.
            self.pipeline.sent(.parse)
            return try self.sendOwn { buffer throws(PostgresWireError) in
                Self.write(taken.name, definition, &buffer)
            }
        }
        guard self.pipeline.names.count < self.proxy.configuration.maximumStatementsOfClient else {
            throw PostgresWireError.unencodableValue("more prepared statements than a client may have")
        }
        let statement = statements.find(definition)
        statements.retain(statement)
        self.pipeline.names.define(name, statement, segment: self.pipeline.segment)
        // There everything is refused, and the server is to say so.
        if self.pipeline.status == .inFailedTransaction { self.backend?.prepared.spoiled(statement.number) }
        let need = try self.makeRoom(for: statement)
        switch need {
        case .nothing:
            self.pipeline.sent(.close, .parseComplete, changesName: true)
            try self.sendOwn { buffer throws(PostgresWireError) in
                try buffer.writePostgresClose(statement: PostgresString(PostgresProxyStatement.nobody))
            }
        case .parse, .closeAndParse:
            try self.sendParse(statement, need, .passed, changesName: true)
        }
    }

    /// Close of a statement: others may have it under other names.
    func close(_ name: ByteBuffer, _ header: PostgresFrameHeader) throws(PostgresWireError) {
        guard name.readableBytes > 0 else {
            if !self.pipeline.isSkipping { self.pipeline.unnamed.closed() }
            self.pipeline.sent(.close, isUnnamed: true)
            return self.pass(header)
        }
        // What the protocol has not prepared, SQL may have.
        guard self.pipeline.names.statement(name) != nil || name.hasOwnPrefix else {
            self.pipeline.sent(.close)
            return self.pass(header)
        }
        self.take(header)
        self.input.moveReaderIndex(forwardBy: header.length)
        guard !self.pipeline.isSkipping else { return }
        self.pipeline.names.close(name, segment: self.pipeline.segment)
        self.pipeline.sent(.close, changesName: true)
        try self.sendOwn { buffer throws(PostgresWireError) in
            try buffer.writePostgresClose(statement: PostgresString(PostgresProxyStatement.nobody))
        }
    }

    /// Sees to it that what a name means is on the server.
    ///
    /// - Returns: what the server calls it; nil if that is what the client calls it.
    func resolve(_ name: ByteBuffer) throws(PostgresWireError) -> (name: ByteBuffer, number: UInt32)? {
        if self.pipeline.isSkipping { return nil }
        guard name.readableBytes > 0 else { return try self.resolveUnnamed() }
        guard let statement = self.pipeline.names.statement(name) else {
            return name.hasOwnPrefix ? (PostgresProxyStatement.nobody, 0) : nil
        }
        try self.bringAbout(statement)
        if !statement.traits.isEmpty { self.note(statement.traits) }
        return (statement.name, statement.number)
    }

    private func resolveUnnamed() throws(PostgresWireError) -> (name: ByteBuffer, number: UInt32)? {
        guard self.pipeline.unnamed.state == .absent else { return nil }
        // Another client's may be there.
        guard self.pipeline.unnamed.isKept else { return (PostgresProxyStatement.nobody, 0) }
        self.pipeline.unnamed.sentAgain(segment: self.pipeline.segment)
        self.pipeline.sent(.parse, .swallowed, isUnnamed: true)
        let definition = self.pipeline.unnamed.definition
        try self.sendOwn { buffer throws(PostgresWireError) in Self.write(ByteBuffer(), definition, &buffer) }
        return nil
    }

    /// Parse of what was one before.
    private static func write(_ name: ByteBuffer, _ definition: ByteBuffer, _ buffer: inout ByteBuffer) {
        buffer.writeInteger(PostgresFrontend.Kind.parse.rawValue)
        buffer.writeInteger(UInt32(truncatingIfNeeded: 4 + name.readableBytes + 1 + definition.readableBytes))
        buffer.writeImmutableBuffer(name)
        buffer.writeInteger(0 as UInt8)
        buffer.writeImmutableBuffer(definition)
    }

    /// Has the server parse it, unless it has it.
    private func bringAbout(_ statement: PostgresProxyStatement) throws(PostgresWireError) {
        let need = try self.makeRoom(for: statement)
        guard need != .nothing else { return }
        try self.sendParse(statement, need, .swallowed, changesName: false)
    }

    private func makeRoom(for statement: PostgresProxyStatement) throws(PostgresWireError) -> PostgresProxyPrepared.Need {
        guard let backend else { return .nothing }
        var evicted: PostgresProxyStatement?
        let (need, wasAdded) = backend.prepared.use(statement, segment: self.pipeline.segment) { evicted = $0 }
        if wasAdded { self.statements?.retain(statement) }
        if let evicted {
            self.pipeline.sent(.close, .swallowed, statement: evicted.number)
            try self.sendOwn { buffer throws(PostgresWireError) in try buffer.writePostgresClose(statement: PostgresString(evicted.name)) }
        }
        return need
    }

    private func sendParse(
        _ statement: PostgresProxyStatement, _ need: PostgresProxyPrepared.Need, _ treatment: PostgresProxyPipeline.Treatment,
        changesName: Bool
    ) throws(PostgresWireError) {
        let isCertain = need == .parse
        if !isCertain {
            self.pipeline.sent(.close, .swallowed)
            try self.sendOwn { buffer throws(PostgresWireError) in
                try buffer.writePostgresClose(statement: PostgresString(statement.name))
            }
        }
        self.pipeline.sent(.parse, treatment, statement: statement.number, changesName: changesName, isCertain: isCertain)
        try self.sendOwn { buffer throws(PostgresWireError) in Self.write(statement.name, statement.definition, &buffer) }
    }

    /// Lets go of statements that the client or the server connection does not have any more.
    @inline(__always)
    func releaseStatements() { if self.pipeline.hasReleased { self.releaseThem() } }

    private func releaseThem() { for statement in self.pipeline.takeReleased() { self.statements?.release(statement) } }
}
