import Crypto
import NIOSSL
import SwiftASN1

/// The hash of a server's certificate to which a login is bound.
///
/// Source: RFC 5929, section 4.1: by the hash of the certificate's own signature, but SHA-256 in place of MD5 and SHA-1.
enum PostgresCertificate {
    /// Nil for a signature that names no hash of its own: then there is no binding.
    static func endPointHash(_ certificate: NIOSSLCertificate) -> [UInt8]? {
        guard let bytes = try? certificate.toDERBytes(), let algorithm = self.signatureAlgorithm(bytes) else { return nil }
        switch algorithm {
        // RSA with MD5, SHA-1, SHA-256; ECDSA with SHA-1, SHA-256.
        case [1, 2, 840, 113_549, 1, 1, 4], [1, 2, 840, 113_549, 1, 1, 5], [1, 2, 840, 113_549, 1, 1, 11], [1, 2, 840, 10_045, 4, 1],
            [1, 2, 840, 10_045, 4, 3, 2]:
            return Array(SHA256.hash(data: bytes))
        case [1, 2, 840, 113_549, 1, 1, 12], [1, 2, 840, 10_045, 4, 3, 3]: return Array(SHA384.hash(data: bytes))
        case [1, 2, 840, 113_549, 1, 1, 13], [1, 2, 840, 10_045, 4, 3, 4]: return Array(SHA512.hash(data: bytes))
        default: return nil
        }
    }

    /// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature }` (RFC 5280).
    private static func signatureAlgorithm(_ bytes: [UInt8]) -> ASN1ObjectIdentifier? {
        guard let root = try? DER.parse(bytes) else { return nil }
        return try? DER.sequence(root, identifier: .sequence) { nodes in
            guard nodes.next() != nil, let algorithm = nodes.next() else { throw ASN1Error.truncatedASN1Field() }
            while nodes.next() != nil {}
            return try DER.sequence(algorithm, identifier: .sequence) { parts in
                let identifier = try ASN1ObjectIdentifier(derEncoded: &parts)
                while parts.next() != nil {}
                return identifier
            }
        }
    }
}
