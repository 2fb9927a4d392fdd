/// One field of an error or a notice: what it is, by a letter, and its text.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-error-fields.html>.
public struct PostgresField: Hashable, Sendable {
    /// What a field says. Servers may send others, which are to be passed over.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The letter; never 0.
        public let rawValue: UInt8

        /// The field of this letter.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// `S`: ERROR, FATAL, PANIC, WARNING, NOTICE, DEBUG, INFO or LOG, in the server's language.
        public static var severity: Code { Code(rawValue: UInt8(ascii: "S")) }
        /// `V`: the same, never translated.
        public static var nonlocalizedSeverity: Code { Code(rawValue: UInt8(ascii: "V")) }
        /// `C`: the SQLSTATE.
        public static var sqlState: Code { Code(rawValue: UInt8(ascii: "C")) }
        /// `M`: what happened, in a line.
        public static var message: Code { Code(rawValue: UInt8(ascii: "M")) }
        /// `D`: more of it.
        public static var detail: Code { Code(rawValue: UInt8(ascii: "D")) }
        /// `H`: what to do.
        public static var hint: Code { Code(rawValue: UInt8(ascii: "H")) }
        /// `P`: where in the statement, in characters from 1 on.
        public static var position: Code { Code(rawValue: UInt8(ascii: "P")) }
        /// `p`: where in ``internalQuery``.
        public static var internalPosition: Code { Code(rawValue: UInt8(ascii: "p")) }
        /// `q`: the statement that the server made by itself.
        public static var internalQuery: Code { Code(rawValue: UInt8(ascii: "q")) }
        /// `W`: in which call it happened.
        public static var context: Code { Code(rawValue: UInt8(ascii: "W")) }
        /// `s`: the schema's name.
        public static var schema: Code { Code(rawValue: UInt8(ascii: "s")) }
        /// `t`: the table's name.
        public static var table: Code { Code(rawValue: UInt8(ascii: "t")) }
        /// `c`: the column's name.
        public static var column: Code { Code(rawValue: UInt8(ascii: "c")) }
        /// `d`: the data type's name.
        public static var dataType: Code { Code(rawValue: UInt8(ascii: "d")) }
        /// `n`: the constraint's name.
        public static var constraint: Code { Code(rawValue: UInt8(ascii: "n")) }
        /// `F`: the file of the server's source.
        public static var file: Code { Code(rawValue: UInt8(ascii: "F")) }
        /// `L`: the line of it.
        public static var line: Code { Code(rawValue: UInt8(ascii: "L")) }
        /// `R`: the routine of it.
        public static var routine: Code { Code(rawValue: UInt8(ascii: "R")) }
    }

    /// What it says.
    public let code: Code
    /// The text.
    public let value: PostgresString

    /// A field to send.
    public init(_ code: Code, _ value: PostgresString) {
        self.code = code
        self.value = value
    }
}
