import NIOCore
import WeirPostgresWire

/// Writes the statements of one connection, with those that it has prepared. A value without any I/O.
///
/// A statement goes out as Close of what makes room for it, Parse and Describe if it is new, and Bind, Execute and Sync: in one piece, whole or
/// not at all. Parameters are kept until the statement has ended, so that it can be sent again where the server says that it is not
/// prepared any more.
@usableFromInline
struct PostgresEncoder {
    /// What was written of a statement.
    struct Written {
        let statement: PostgresPreparedStatement
        let exchange: PostgresExchange
        /// Bytes of parameters that are kept; nil if they are too many for that.
        let kept: Int?
        /// Nil if all are binary.
        let formats: [PostgresFormat]?
    }

    /// Whether it takes only statements that leave the session as they find it.
    var isShared = false
    /// Not given to the channel.
    private(set) var unsent = ByteBuffer()
    private var statements: PostgresStatementCache
    private let maximumLength: Int
    // The statement that is being written.
    private var types: [PostgresType] = []
    private var formats: [PostgresFormat] = []
    private var isBinary = true
    private var start = 0
    private var bindStart = 0
    private var valuesStart = 0
    private var statement: PostgresPreparedStatement?
    private var isNew = false
    /// Gone from the cache, and to be closed on the server with the next statement.
    private var toClose: [UInt32] = []
    private var closes = 0
    /// Parameters of statements that have not ended.
    private var keptValues = ByteBuffer()

    /// Parameters that are kept of one statement at most.
    private static var longestKept: Int { 64 * 1024 }
    private static var keptCapacity: Int { 256 * 1024 }
    /// Bytes of parameters of statements that have ended, which stay where others wait behind them.
    private static var keptPassed: Int { 4096 }

    init(maximumStatements: Int, maximumLength: Int) {
        self.statements = PostgresStatementCache(capacity: maximumStatements)
        self.maximumLength = min(maximumLength, Int(Int32.max))
    }

    var keptBytes: Int { self.keptValues.readableBytes + self.unsent.readableBytes }
    var preparedCount: Int { self.statements.count }

    // MARK: A statement, step by step

    @usableFromInline
    mutating func begin() {
        self.types.removeAll(keepingCapacity: true)
        self.formats.removeAll(keepingCapacity: true)
        self.isBinary = true
    }

    @usableFromInline
    mutating func declare(_ type: PostgresType, _ format: PostgresFormat) {
        self.types.append(type)
        self.formats.append(format)
        if format != .binary { self.isBinary = false }
    }

    /// All up to the values.
    @usableFromInline
    mutating func beginBind(_ sql: String) throws(PostgresError) { try self.beginBind(sql, isUnnamed: false) }

    /// - Parameters:
    ///   - isUnnamed: whether it is prepared for this time only.
    ///   - portal: what it is bound to; empty is the unnamed one, which lasts until the Sync.
    ///   - resultFormat: of one that is prepared for this time.
    mutating func beginBind(
        _ sql: String, isUnnamed: Bool, portal: String = "", resultFormat: PostgresFormat = .binary
    ) throws(PostgresError) {
        self.start = self.unsent.writerIndex
        self.closes = 0
        guard self.types.count <= 65_535 else { throw PostgresError(.notEncodable, "a statement has at most 65,535 parameters") }
        if !isUnnamed, let found = self.statements.find(sql, self.types) {
            self.statement = found
            self.isNew = false
        } else {
            try self.prepare(sql, isUnnamed: isUnnamed)
            if isUnnamed { self.statement?.resultFormat = resultFormat }
        }
        guard let statement else { preconditionFailure("a statement is bound that was not found") }
        self.bindStart = self.unsent.writerIndex
        if self.isBinary, portal.isEmpty {
            statement.bindPrefix.withUnsafeBytes { bytes in _ = self.unsent.writeBytes(bytes) }
        } else {
            self.unsent.writeMultipleIntegers(PostgresFrontend.Kind.bind.rawValue, 0 as Int32)
            self.unsent.writeNullTerminatedString(portal)
            self.unsent.writeNullTerminatedString(statement.name)
            self.unsent.writeInteger(UInt16(self.formats.count))
            for format in self.formats { self.unsent.writeInteger(format.rawValue) }
            self.unsent.writeInteger(UInt16(self.types.count))
        }
        self.valuesStart = self.unsent.writerIndex
    }

    @inline(never)
    private mutating func prepare(_ sql: String, isUnnamed: Bool) throws(PostgresError) {
        let kind = PostgresStatementText.kind(sql)
        if self.isShared, kind != .plain {
            throw PostgresError(.needsLease, "the statement changes its session: it needs a connection of its own")
        }
        let (new, evicted) =
            isUnnamed
            ? (PostgresPreparedStatement(sql: sql, types: self.types, number: 0), nil) : self.statements.insert(sql, self.types)
        self.statement = new
        self.isNew = true
        new.changesSession = kind == .ofSession
        if let evicted { self.toClose.append(evicted.number) }
        do throws(PostgresWireError) {
            for number in self.toClose {
                try self.unsent.writePostgresClose(statement: PostgresPreparedStatement.name(number))
                self.closes += 1
            }
            try self.unsent.writePostgresParse(
                statement: new.name, query: sql, parameterTypes: self.types, maximumLength: self.maximumLength)
            try self.unsent.writePostgresDescribe(statement: new.name)
        } catch {
            self.takeBack()
            throw PostgresError(.notEncodable, "the statement is too long, or has a NUL in it", cause: error)
        }
    }

    @usableFromInline
    mutating func add(_ value: borrowing some PostgresEncodable & Sendable) throws(PostgresEncodingError) {
        try self.unsent.writePostgresValue(copy value)
        guard self.unsent.writerIndex - self.bindStart <= self.maximumLength else {
            throw PostgresEncodingError("the parameters are longer than a message may be")
        }
    }

    mutating func add(encoded values: ByteBuffer) throws(PostgresEncodingError) {
        guard values.readableBytes <= self.maximumLength - (self.unsent.writerIndex - self.bindStart) - 64 else {
            throw PostgresEncodingError("the parameters are longer than a message may be")
        }
        self.unsent.writeImmutableBuffer(values)
    }

    /// The rest.
    ///
    /// - Parameter maximumRows: 0 for all.
    mutating func endBind(maximumRows: Int32 = 0, portal: String = "") -> Written {
        guard let statement = self.statement.take() else { preconditionFailure("a statement ends that was not begun") }
        let length = self.unsent.writerIndex - self.valuesStart
        var kept: Int?
        if length <= Self.longestKept {
            kept = length
            let values = self.valuesStart..<(self.valuesStart &+ length)
            self.unsent.withVeryUnsafeBytes { bytes in
                _ = self.keptValues.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[values]))
            }
        }
        if portal.isEmpty {
            self.writeEnd(resultFormat: statement.resultFormat, maximumRows: maximumRows)
        } else {
            self.unsent.writeMultipleIntegers(1 as Int16, statement.resultFormat.rawValue)
            self.unsent.setInteger(Int32(truncatingIfNeeded: self.unsent.writerIndex - self.bindStart - 1), at: self.bindStart + 1)
            self.writeExecute(portal, maximumRows: maximumRows)
        }
        if self.closes > 0 { self.toClose.removeFirst(self.closes) }
        return Written(
            statement: statement,
            exchange: .extended(closes: self.closes, isPrepared: !self.isNew),
            kept: kept, formats: self.isBinary ? nil : self.formats)
    }

    /// A portal goes on.
    ///
    /// - Parameter portal: its name, of a few letters without NUL.
    mutating func writeExecute(_ portal: String, maximumRows: Int32) {
        self.unsent.writeMultipleIntegers(PostgresFrontend.Kind.execute.rawValue, Int32(9 + portal.utf8.count))
        self.unsent.writeNullTerminatedString(portal)
        self.unsent.writeMultipleIntegers(maximumRows, PostgresFrontend.Kind.sync.rawValue, 4 as Int32)
    }

    /// The rest of Bind and its length, Execute and Sync: in one go, as each of the buffer's methods costs as much as all that is written.
    private mutating func writeEnd(resultFormat: PostgresFormat, maximumRows: Int32) {
        self.unsent.reserveCapacity(minimumWritableBytes: 19)
        let end = self.unsent.writerIndex
        let start = self.bindStart
        // Bind ends with one format, which is that of all columns.
        let length = Int32(truncatingIfNeeded: end &+ 4 &- start &- 1)
        self.unsent.withVeryUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: length.bigEndian, toByteOffset: start &+ 1, as: Int32.self)
            bytes.storeBytes(of: (1 as Int16).bigEndian, toByteOffset: end, as: Int16.self)
            bytes.storeBytes(of: resultFormat.rawValue.bigEndian, toByteOffset: end &+ 2, as: type(of: resultFormat.rawValue))
            bytes.storeBytes(of: PostgresFrontend.Kind.execute.rawValue, toByteOffset: end &+ 4, as: UInt8.self)
            bytes.storeBytes(of: (9 as Int32).bigEndian, toByteOffset: end &+ 5, as: Int32.self)
            bytes.storeBytes(of: 0, toByteOffset: end &+ 9, as: UInt8.self)
            bytes.storeBytes(of: maximumRows.bigEndian, toByteOffset: end &+ 10, as: Int32.self)
            bytes.storeBytes(of: PostgresFrontend.Kind.sync.rawValue, toByteOffset: end &+ 14, as: UInt8.self)
            bytes.storeBytes(of: (4 as Int32).bigEndian, toByteOffset: end &+ 15, as: Int32.self)
        }
        self.unsent.moveWriterIndex(forwardBy: 19)
    }

    /// Nothing of it goes out.
    @usableFromInline
    mutating func takeBack() {
        self.unsent.moveWriterIndex(to: self.start)
        if let statement = self.statement.take(), self.isNew { self.statements.remove(statement) }
    }

    /// Appends other messages.
    mutating func write(_ body: (inout ByteBuffer) throws(PostgresWireError) -> Void) throws(PostgresError) {
        let start = self.unsent.writerIndex
        do throws(PostgresWireError) {
            try body(&self.unsent)
        } catch {
            self.unsent.moveWriterIndex(to: start)
            throw PostgresError(.notEncodable, "the statement is too long, or has a NUL in it", cause: error)
        }
    }

    // MARK: What becomes of it

    /// For a channel. The bytes share their memory with what is written next, so hand them over and call ``reclaimMemory()``.
    mutating func takeUnsent() -> ByteBuffer {
        let bytes = self.unsent
        self.unsent.moveReaderIndex(to: self.unsent.writerIndex)
        return bytes
    }

    mutating func reclaimMemory() {
        guard self.unsent.readableBytes == 0 else { return }
        if self.unsent.capacity > Self.keptCapacity { self.unsent = ByteBuffer() } else { self.unsent.clear() }
    }

    /// The parameters of the statement that ends next, which are forgotten.
    mutating func takeKept(_ length: Int, wanted: Bool) -> ByteBuffer? {
        let values = wanted ? self.keptValues.getSlice(at: self.keptValues.readerIndex, length: length) : nil
        self.keptValues.moveReaderIndex(forwardBy: length)
        if self.keptValues.readableBytes == 0 {
            if self.keptValues.capacity > Self.keptCapacity || values != nil {
                self.keptValues = ByteBuffer()
            } else {
                self.keptValues.clear()
            }
        } else if self.keptValues.readerIndex > max(Self.keptPassed, self.keptValues.readableBytes) {
            // Moves no more than has passed since the last time.
            self.keptValues.discardReadBytes()
        }
        return values
    }

    /// It could not be prepared, or the server does not know it.
    ///
    /// - Parameter closes: whether the server may know it all the same.
    mutating func forget(_ statement: PostgresPreparedStatement, closes: Bool) {
        guard statement.isUsable else { return }
        self.statements.remove(statement)
        if closes, statement.number > 0 { self.toClose.append(statement.number) }
    }

    /// The session has none any more.
    mutating func forgetAll() {
        self.statements.removeAll()
        self.toClose = []
    }
}
