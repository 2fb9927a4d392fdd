import NIOHTTP1

/// Where the body of a response ends (RFC 9112, section 6.3), read more strictly than the parser does: what two servers could
/// read in two ways is refused.
enum HTTPResponseFraming: Hashable {
    /// There is no body.
    case none
    case length(Int)
    case chunked
    /// When the connection closes.
    case untilClose

    init(_ head: HTTPResponseHead, method: HTTPMethod) throws(HTTPError) {
        let lengths = head.headers["content-length"]
        let encodings = head.headers["transfer-encoding"]
        guard lengths.isEmpty || encodings.isEmpty else {
            throw HTTPError(.ambiguousLength, "the response has Content-Length and Transfer-Encoding")
        }
        guard lengths.count <= 1, encodings.count <= 1 else {
            throw HTTPError(.ambiguousLength, "the response has one of its framing headers twice")
        }
        var length: Int?
        if let text = lengths.first {
            guard !text.isEmpty, text.utf8.count <= 18, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
            else {
                throw HTTPError(.ambiguousLength, "the response's Content-Length is no number")
            }
            length = Int(text)
        }
        if let encoding = encodings.first {
            guard head.version == .http1_1, encoding.lowercased() == "chunked" else {
                throw HTTPError(.ambiguousLength, "the response has a Transfer-Encoding other than chunked, or is HTTP/1.0")
            }
        }
        if method == .HEAD || !head.status.mayHaveResponseBody {
            self = .none
        } else if !encodings.isEmpty {
            self = .chunked
        } else if let length {
            self = .length(length)
        } else {
            self = .untilClose
        }
    }

    /// True if the connection may serve another request after this response.
    static func keepsAlive(_ head: HTTPResponseHead) -> Bool {
        guard head.version == .http1_1 else { return false }
        return !head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "close" }
    }
}
