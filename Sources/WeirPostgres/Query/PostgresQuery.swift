public import NIOCore
public import WeirPostgresWire

/// A statement and its parameters.
///
/// From a literal with interpolations each value becomes a parameter and never text: `"select name from users where id = \(id)"` is
/// `select name from users where id = $1`. `\(identifier: table)` quotes a name, `\(unescaped: text)` is text as it is, for who knows
/// what he does.
///
/// The text is what prepared statements are found again by: one that differs each time fills their cache.
public struct PostgresQuery: Sendable, ExpressibleByStringInterpolation {
    /// With `$1`, `$2`, … in the place of the parameters.
    public let sql: String
    /// The parameters, encoded.
    public let parameters: PostgresParameters

    public init(stringLiteral value: String) {
        self.sql = value
        self.parameters = PostgresParameters()
    }

    public init(stringInterpolation: StringInterpolation) {
        self.sql = stringInterpolation.sql
        self.parameters = stringInterpolation.parameters
    }

    /// A statement with `$1`, `$2`, … and a value for each.
    @inlinable
    public init<each Parameter: PostgresEncodable>(sql: String, _ parameter: repeat each Parameter) {
        self.sql = sql
        var parameters = PostgresParameters()
        repeat parameters.append(each parameter)
        self.parameters = parameters
    }

    /// A statement and parameters that were collected.
    public init(sql: String, parameters: PostgresParameters) {
        self.sql = sql
        self.parameters = parameters
    }

    public struct StringInterpolation: StringInterpolationProtocol {
        var sql = ""
        @usableFromInline var parameters = PostgresParameters()

        public init(literalCapacity: Int, interpolationCount: Int) { self.sql.reserveCapacity(literalCapacity + 3 * interpolationCount) }

        public mutating func appendLiteral(_ literal: String) { self.sql += literal }

        /// A parameter.
        @inlinable
        public mutating func appendInterpolation(_ value: some PostgresEncodable) {
            self.parameters.append(value)
            self.appendPlaceholder()
        }

        /// A parameter, NULL for nil.
        @inlinable
        public mutating func appendInterpolation(_ value: (some PostgresEncodable)?) {
            self.parameters.append(value)
            self.appendPlaceholder()
        }

        /// Text, as it is.
        public mutating func appendInterpolation(unescaped text: String) { self.sql += text }

        /// A name in quotes: `"my ""table"""`.
        public mutating func appendInterpolation(identifier name: String) {
            self.sql += "\"\(name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
        }

        @usableFromInline
        mutating func appendPlaceholder() { self.sql += "$\(self.parameters.count)" }
    }
}

/// Shows the text only: parameters are values.
extension PostgresQuery: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(self.sql) (\(self.parameters.count) parameters)" }
    public var customMirror: Mirror { Mirror(self, children: ["sql": self.sql]) }
}

/// Parameters of a statement, encoded as they go over the wire.
public struct PostgresParameters: Sendable {
    public private(set) var types: [PostgresType] = []
    private(set) var formats: [PostgresFormat] = []
    /// Lengths and values.
    @usableFromInline private(set) var values = ByteBuffer()
    /// What could not be encoded; found when the statement is sent.
    private(set) var error: PostgresEncodingError?

    public init() {}

    /// How many there are.
    public var count: Int { self.types.count }

    /// One more.
    ///
    /// What cannot be encoded fails the statement when it is sent, with ``PostgresError/Code/notEncodable``.
    @inlinable
    public mutating func append(_ value: some PostgresEncodable) {
        self.append(value.postgresType, value.postgresFormat)
        do throws(PostgresEncodingError) { try self.write(value) } catch { self.fail(error) }
    }

    @inlinable
    mutating func write(_ value: some PostgresEncodable) throws(PostgresEncodingError) {
        try self.withValues { values throws(PostgresEncodingError) in try values.writePostgresValue(value) }
    }

    @usableFromInline
    mutating func withValues(_ body: (inout ByteBuffer) throws(PostgresEncodingError) -> Void) throws(PostgresEncodingError) {
        try body(&self.values)
    }

    @usableFromInline
    mutating func append(_ type: PostgresType, _ format: PostgresFormat) {
        self.types.append(type)
        self.formats.append(format)
    }

    @usableFromInline
    mutating func fail(_ error: PostgresEncodingError) { if self.error == nil { self.error = error } }

    /// Of parameters that went out before.
    init(types: [PostgresType], formats: [PostgresFormat], values: ByteBuffer) {
        self.types = types
        self.formats = formats
        self.values = values
    }
}

extension PostgresParameters: CustomStringConvertible, CustomReflectable {
    /// How many there are: values are secret.
    public var description: String { "PostgresParameters(\(self.count))" }
    public var customMirror: Mirror { Mirror(self, children: ["count": self.count]) }
}
