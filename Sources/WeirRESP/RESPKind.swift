/// The types of the protocol, by the byte that each begins with on the wire. Attributes (`|`) are no type of a value: they stand before
/// one, see ``RESPFrame/attributes``.
///
/// Source: the RESP specification of the Redis documentation (RESP2, and RESP3 as `HELLO 3` selects it).
public enum RESPKind: UInt8, Hashable, Sendable, CaseIterable {
    /// `+`: a short string without CR or LF.
    case simpleString = 0x2B
    /// `-`: an error reply; its first word is the error's kind by convention (`ERR`, `WRONGTYPE`, …).
    case simpleError = 0x2D
    /// `:`: a signed 64 bit integer.
    case integer = 0x3A
    /// `$`: any bytes. `$-1` is ``null``.
    case bulkString = 0x24
    /// `*`: values of any kind, in order. `*-1` is ``null``.
    case array = 0x2A
    /// `_` of RESP3, `$-1` and `*-1` of RESP2.
    case null = 0x5F
    /// `#`: RESP3.
    case boolean = 0x23
    /// `,`: RESP3; also infinite or not a number.
    case double = 0x2C
    /// `(`: RESP3; a sign and decimal digits, as many as the line limit allows.
    case bigNumber = 0x28
    /// `!`: RESP3; an error that may hold any bytes.
    case bulkError = 0x21
    /// `=`: RESP3; three bytes that name a format, a colon, and the text.
    case verbatimString = 0x3D
    /// `%`: RESP3; keys and values in the order in which they came. Equal keys are kept, as the protocol leaves that to the client.
    case map = 0x25
    /// `~`: RESP3; values in the order in which they came, not made unique.
    case set = 0x7E
    /// `>`: RESP3; out of band data, never the reply to a command and never inside another value.
    case push = 0x3E
}
