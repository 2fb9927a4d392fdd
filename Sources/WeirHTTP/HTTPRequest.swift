import NIOCore
import NIOHTTP1

/// How the body of a request is framed. The client writes the header for it.
public enum HTTPRequestBody: Hashable, Sendable {
    /// There is none.
    case none
    /// So many bytes: no more and no fewer may be written.
    case length(Int)
    /// As many as come, in chunks.
    case chunked
}

/// Checks and framing that every request goes through before a byte of it is sent.
enum HTTPRequestFraming {
    /// The head as it is sent, or an error that says what no server may be sent.
    static func head(_ head: HTTPRequestHead, body: HTTPRequestBody, origin: HTTPOrigin) throws(HTTPError) -> HTTPRequestHead {
        guard !head.uri.isEmpty, head.uri.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw HTTPError(.invalidRequest, "the target is empty or has characters that must be percent-encoded", mayHaveRun: false)
        }
        guard head.method != .CONNECT, !head.method.rawValue.isEmpty, head.method.rawValue.utf8.allSatisfy(self.isToken) else {
            throw HTTPError(.invalidRequest, "the method is CONNECT or no token", mayHaveRun: false)
        }
        for (name, value) in head.headers {
            guard !name.isEmpty, name.utf8.allSatisfy(self.isToken), value.utf8.allSatisfy(self.isValueByte) else {
                throw HTTPError(.invalidRequest, "a header has a character that no header may have", mayHaveRun: false)
            }
        }
        var sent = head
        sent.version = .http1_1
        sent.headers.remove(name: "content-length")
        sent.headers.remove(name: "transfer-encoding")
        sent.headers.remove(name: "connection")
        if !sent.headers.contains(name: "host") { sent.headers.add(name: "host", value: origin.authority) }
        switch body {
        case .none:
            // RFC 9110, section 8.6: methods that expect a body say that there is none.
            if [.POST, .PUT, .PATCH].contains(head.method) { sent.headers.add(name: "content-length", value: "0") }
        case .length(let length):
            guard length >= 0 else { throw HTTPError(.invalidRequest, "the body's length is negative", mayHaveRun: false) }
            sent.headers.add(name: "content-length", value: String(length))
        case .chunked:
            sent.headers.add(name: "transfer-encoding", value: "chunked")
        }
        return sent
    }

    /// True if the request may be sent again when nobody knows whether it was seen (RFC 9110, section 9.2.2).
    static func isIdempotent(_ method: HTTPMethod) -> Bool {
        switch method {
        case .GET, .HEAD, .OPTIONS, .PUT, .DELETE, .TRACE: return true
        default: return false
        }
    }

    /// `tchar` of RFC 9110, section 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"),
            UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"),
            UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            return true
        default:
            return false
        }
    }

    /// `field-value` of RFC 9110, section 5.5: everything but control characters, of which a tab is allowed.
    private static func isValueByte(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }
}
