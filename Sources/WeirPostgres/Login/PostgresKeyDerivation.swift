import Crypto
import CryptoExtras
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Makes SCRAM keys from one password: off the loop, as that takes milliseconds, and once for all connections that get the same salt.
final class PostgresKeyDerivation: Sendable {
    private let password: [UInt8]
    private let known = NIOLockedValueBox<(salting: PostgresSCRAM.Salting, key: SymmetricKey)?>(nil)

    init(password: String) { self.password = PostgresPassword.prepared(password) }

    /// - Returns: on this loop.
    func saltedPassword(_ salting: PostgresSCRAM.Salting, on loop: any EventLoop) -> EventLoopFuture<SymmetricKey> {
        if let known = self.known.withLockedValue({ $0 }), known.salting == salting { return loop.makeSucceededFuture(known.key) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            let key = try KDF.Insecure.PBKDF2.deriveKey(
                from: self.password, salt: salting.salt, using: .sha256, outputByteCount: 32, unsafeUncheckedRounds: salting.iterations)
            self.known.withLockedValue { $0 = (salting, key) }
            return key
        }
    }
}

/// Shows neither the password nor a key.
extension PostgresKeyDerivation: CustomReflectable {
    var customMirror: Mirror { Mirror(self, children: []) }
}

enum PostgresPassword {
    /// As SASLprep (RFC 4013) has it, but without its normalization: spaces of every kind are one, and what is to be mapped to nothing is left
    /// out. Whoever has a password with letters that can be written in several ways gives it in form NFKC.
    ///
    /// Of passwords in ASCII nothing changes.
    static func prepared(_ password: String) -> [UInt8] {
        if password.utf8.allSatisfy({ $0 < 0x80 }) { return Array(password.utf8) }
        var mapped = String.UnicodeScalarView()
        for scalar in password.unicodeScalars {
            switch scalar.value {
            case 0xA0, 0x1680, 0x2000...0x200A, 0x202F, 0x205F, 0x3000: mapped.append(" ")
            case 0xAD, 0x34F, 0x1806, 0x180B...0x180D, 0x200B...0x200D, 0x2060, 0xFE00...0xFE0F, 0xFEFF: break
            default: mapped.append(scalar)
            }
        }
        return Array(String(mapped).utf8)
    }

    /// As the server keeps it: `md5`, and the hash of the hash.
    static func md5(user: String, password: String, salt: UInt32) -> String {
        let inner = Self.hexadecimal(Insecure.MD5.hash(data: Array((password + user).utf8)))
        let salt = withUnsafeBytes(of: salt.bigEndian) { Array($0) }
        return "md5" + Self.hexadecimal(Insecure.MD5.hash(data: Array(inner.utf8) + salt))
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}
