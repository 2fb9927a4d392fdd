/// Whether TCP connections speak TLS, and what of the server's certificate is verified. Unix sockets speak none.
///
/// As libpq's `sslmode` without `allow`, which prefers plain text.
/// Source: <https://www.postgresql.org/docs/15/libpq-ssl.html>.
public enum PostgresTLSMode: String, Hashable, Sendable, CaseIterable {
    /// No TLS.
    case disable
    /// TLS if the server speaks it, without knowing who that is: anyone in between may say that it does not. Where TLS cannot be agreed on, or
    /// the server does not let this user in with it, the connect is tried without.
    case prefer
    /// TLS or nothing, without knowing with whom; as `verifyCA` where a root certificate is named.
    case require
    /// As `require`, with a certificate of a trusted authority, for whatever name.
    case verifyCA = "verify-ca"
    /// As `verifyCA`, for the host's name. What a network that is not one's own wants.
    case verifyFull = "verify-full"
}

/// Whether the login is bound to the TLS connection, so that nobody in between can pass it on (SCRAM-SHA-256-PLUS).
///
/// Source: <https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNECT-CHANNEL-BINDING>.
public enum PostgresChannelBinding: String, Hashable, Sendable, CaseIterable {
    /// Never.
    case disable
    /// If the server offers it.
    case prefer
    /// Or no login at all.
    case require
}

/// What kind of server is wanted, where several are named.
///
/// Source: <https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS>.
public enum PostgresSessionAttributes: String, Hashable, Sendable, CaseIterable {
    /// Any that can be connected to.
    case any
    /// One whose sessions may write by default.
    case readWrite = "read-write"
    /// One whose sessions may only read by default.
    case readOnly = "read-only"
    /// One that is not a standby.
    case primary
    /// A standby.
    case standby
    /// A standby if there is any, otherwise any.
    case preferStandby = "prefer-standby"
}
