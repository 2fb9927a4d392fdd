/// What a peer may make a decoder hold. Everything is checked before anything is allocated for it.
///
/// Lengths are those on the wire: they count their own four bytes and not the tag.
public struct PostgresWireLimits: Hashable, Sendable {
    /// Bytes of one message. 1 GiB unless set, as the server has it; never over 2 GiB less one, as the protocol has it.
    public let maximumMessageLength: Int
    /// Bytes of a start-up packet, which comes before anything is known of the peer. 10,000 unless set, as the server has it.
    public let maximumStartupLength: Int
    /// Bytes of a message until the login is complete, and of an answer to a request for authentication. 64 KiB unless set.
    public let maximumLoginMessageLength: Int
    /// Bytes of a message that carries neither data nor a statement nor a report, as Close or ParameterStatus. 64 KiB unless set.
    public let maximumControlMessageLength: Int
    /// Columns of a row, of its description or of a copy. 1,664 unless set, as the server has it; the protocol has room for 65,535.
    public let maximumColumns: Int
    /// Parameters of a statement or arguments of a function. 65,535 unless set, as many as the protocol has room for.
    public let maximumParameters: Int
    /// Fields of an error or a notice. 64 unless set; the server knows 18.
    public let maximumFields: Int
    /// Parameters at start-up, SASL mechanisms, options that a server did not recognize. 64 unless set.
    public let maximumOptions: Int

    /// Limits to give to a decoder.
    /// - Precondition: each at least 1; the lengths at least 8; the message length at most 2 GiB less one; the start-up length at most 1 MiB;
    ///   columns and parameters at most 65,535.
    @inlinable
    public init(
        maximumMessageLength: Int = PostgresWireLimits.defaultMaximumMessageLength, maximumStartupLength: Int = 10_000,
        maximumLoginMessageLength: Int = 64 * 1024, maximumControlMessageLength: Int = 64 * 1024, maximumColumns: Int = 1664,
        maximumParameters: Int = 65_535, maximumFields: Int = 64, maximumOptions: Int = 64
    ) {
        precondition((8...Int(Int32.max)).contains(maximumMessageLength), "the limit on a message must lie in 8...2^31-1")
        precondition((8...(1 << 20)).contains(maximumStartupLength), "the limit on a start-up packet must lie in 8...2^20")
        precondition(maximumLoginMessageLength >= 8 && maximumControlMessageLength >= 8, "a limit on a length must be at least 8")
        precondition((1...65_535).contains(maximumColumns) && (1...65_535).contains(maximumParameters), "a limit must lie in 1...65535")
        precondition(maximumFields >= 1 && maximumOptions >= 1, "a limit must be positive")
        self.maximumMessageLength = maximumMessageLength
        self.maximumStartupLength = maximumStartupLength
        self.maximumLoginMessageLength = maximumLoginMessageLength
        self.maximumControlMessageLength = maximumControlMessageLength
        self.maximumColumns = maximumColumns
        self.maximumParameters = maximumParameters
        self.maximumFields = maximumFields
        self.maximumOptions = maximumOptions
    }

    /// 1 GiB, what the server takes.
    @inlinable public static var defaultMaximumMessageLength: Int { 1 << 30 }
}
