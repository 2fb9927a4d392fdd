/// A version of the protocol.
public struct PostgresProtocolVersion: Hashable, Sendable, CustomStringConvertible {
    /// What makes messages different.
    public let major: UInt16
    /// What both sides settle by NegotiateProtocolVersion.
    public let minor: UInt16

    /// A version.
    public init(major: UInt16, minor: UInt16) {
        self.major = major
        self.minor = minor
    }

    init(code: UInt32) { self.init(major: UInt16(code >> 16), minor: UInt16(truncatingIfNeeded: code)) }

    var code: UInt32 { UInt32(self.major) << 16 | UInt32(self.minor) }

    /// 3.0, of every server since 2003.
    public static var version30: PostgresProtocolVersion { PostgresProtocolVersion(major: 3, minor: 0) }
    /// 3.2, whose secret keys may be longer.
    public static var version32: PostgresProtocolVersion { PostgresProtocolVersion(major: 3, minor: 2) }

    /// `3.0`.
    public var description: String { "\(self.major).\(self.minor)" }
}

/// What start-up packets have in the place of a version that are no StartupMessage.
enum PostgresRequestCode {
    static var cancel: UInt32 { 1234 << 16 | 5678 }
    static var ssl: UInt32 { 1234 << 16 | 5679 }
    static var gss: UInt32 { 1234 << 16 | 5680 }
}
