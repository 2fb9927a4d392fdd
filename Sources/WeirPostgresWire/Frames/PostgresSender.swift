/// Whose bytes they are: the two directions have messages of their own, which share first bytes.
public enum PostgresSender: Hashable, Sendable {
    /// The server.
    case backend
    /// The client.
    case frontend
}

/// What may be asked for before anything else: the server answers with one byte.
public enum PostgresEncryption: Hashable, Sendable {
    /// TLS, by SSLRequest.
    case ssl
    /// GSSAPI encryption, by GSSENCRequest.
    case gss
}
