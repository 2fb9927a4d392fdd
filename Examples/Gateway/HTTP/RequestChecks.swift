import NIOCore
import NIOHTTP1

/// A request's head after it was checked: what the routes work with.
struct Request {
    /// How the body comes.
    enum Body: Equatable {
        case none
        case length(Int)
        case chunked
    }

    let head: HTTPRequestHead
    /// Still percent-encoded, without the query; begins with `/`.
    let path: Substring
    /// Without its `?`; nil if there is none.
    let query: Substring?
    let body: Body
    let expectsContinue: Bool
    /// Whether the client lets the connection serve another request.
    let keepsAlive: Bool

    var method: HTTPMethod { self.head.method }
    var isHTTP11: Bool { self.head.version == .http1_1 }
}

/// Why a request is refused before any route sees it.
struct Refusal: Error {
    let status: HTTPResponseStatus
    let message: String

    init(_ status: HTTPResponseStatus, _ message: String) {
        self.status = status
        self.message = message
    }
}

extension Request {
    /// Checks what the parser leaves open. What two servers could read in two ways is refused, as the next server may be the other
    /// one (RFC 9112, sections 3.2 and 6).
    init(checking head: HTTPRequestHead) throws(Refusal) {
        guard head.version == .http1_1 || head.version == .http1_0 else { throw Refusal(.httpVersionNotSupported, "only HTTP/1.1 and 1.0") }
        let isHTTP11 = head.version == .http1_1

        let hosts = head.headers["host"]
        guard hosts.count <= 1 else { throw Refusal(.badRequest, "more than one Host") }
        guard hosts.count == 1 || !isHTTP11 else { throw Refusal(.badRequest, "no Host") }
        if let host = hosts.first, !host.utf8.allSatisfy(Self.isAuthorityByte) { throw Refusal(.badRequest, "a Host that is none") }

        self.head = head
        (self.path, self.query) = try Self.target(head, host: hosts.first)
        self.body = try Self.body(head, isHTTP11: isHTTP11)
        let connection = head.headers[canonicalForm: "connection"].map { $0.lowercased() }
        let asksToKeepAlive = isHTTP11 ? !connection.contains("close") : connection.contains("keep-alive") && !connection.contains("close")
        // The offer of another protocol is not taken, but the parser stops behind it: what follows would never be read.
        self.keepsAlive = asksToKeepAlive && !head.headers.contains(name: "upgrade")
        let expectations = head.headers[canonicalForm: "expect"].map { $0.lowercased() }
        guard expectations.allSatisfy({ $0 == "100-continue" }) else { throw Refusal(.expectationFailed, "an unknown expectation") }
        self.expectsContinue = isHTTP11 && !expectations.isEmpty && self.body != .none
    }

    private static func target(_ head: HTTPRequestHead, host: String?) throws(Refusal) -> (path: Substring, query: Substring?) {
        // What is not visible ASCII has no place in a target; the parser lets bytes over 127 through.
        guard head.uri.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw Refusal(.badRequest, "a target with characters that must be percent-encoded")
        }
        var target = head.uri[...]
        if target.lowercased().hasPrefix("http://") {
            // The absolute form, which is for proxies, must be understood as well. It must not name another host than Host.
            let authority = target.dropFirst("http://".count).prefix { $0 != "/" && $0 != "?" }
            guard let host, authority.lowercased() == host.lowercased() else { throw Refusal(.badRequest, "a target for another host") }
            target = target.dropFirst("http://".count + authority.count)
            if target.isEmpty { target = "/" }
        }
        guard target.first == "/" else { throw Refusal(.badRequest, "a target without a path") }
        let path = target.prefix { $0 != "?" }
        return (path, path.count == target.count ? nil : target.dropFirst(path.count + 1))
    }

    private static func body(_ head: HTTPRequestHead, isHTTP11: Bool) throws(Refusal) -> Body {
        let lengths = head.headers["content-length"]
        let encodings = head.headers["transfer-encoding"]
        guard lengths.isEmpty || encodings.isEmpty else { throw Refusal(.badRequest, "Content-Length and Transfer-Encoding") }
        guard lengths.count <= 1, encodings.count <= 1 else { throw Refusal(.badRequest, "a framing header twice") }
        if let encoding = encodings.first {
            guard isHTTP11 else { throw Refusal(.badRequest, "Transfer-Encoding in HTTP/1.0") }
            guard encoding.lowercased() == "chunked" else { throw Refusal(.notImplemented, "a Transfer-Encoding other than chunked") }
            return .chunked
        }
        guard let length = lengths.first else { return .none }
        guard !length.isEmpty, length.utf8.count <= 18, length.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int(length)
        else { throw Refusal(.badRequest, "a Content-Length that is no number") }
        return number == 0 ? .none : .length(number)
    }

    /// `host [":" port]` of RFC 3986: no user, no path, no space.
    private static func isAuthorityByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "["), UInt8(ascii: "]"),
            UInt8(ascii: ":"), UInt8(ascii: "%"):
            return true
        default:
            return false
        }
    }
}

/// Percent-decoding into bytes: a key need not be UTF-8. Nil for an escape that is not one.
func percentDecoded(_ text: Substring) -> ByteBuffer? {
    var bytes = ByteBuffer()
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.writeInteger(byte)
            continue
        }
        guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else { return nil }
        bytes.writeInteger(high << 4 | low)
    }
    return bytes
}

private func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): return byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): return byte - UInt8(ascii: "A") + 10
    default: return nil
    }
}
