import NIOHTTP1

/// The headers of a message that is passed on (RFC 9110, section 7.6): what concerns one connection only is left out, and what
/// tells of the way is added.
enum ForwardedHeaders {
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]
    private static let pseudonym = "weir-gateway"

    static func request(_ head: HTTPRequestHead, clientIP: String, authority: String) -> HTTPHeaders {
        var headers = self.endToEnd(head.headers, also: ["host", "expect", "content-length", "via", "x-forwarded-for"])
        headers.add(name: "host", value: authority)
        headers.add(name: "via", value: self.appended(head.headers, "via", "\(head.version.major).\(head.version.minor) \(self.pseudonym)"))
        headers.add(name: "x-forwarded-for", value: self.appended(head.headers, "x-forwarded-for", clientIP))
        return headers
    }

    static func response(_ head: HTTPResponseHead) -> HTTPHeaders {
        var headers = self.endToEnd(head.headers, also: ["via"])
        headers.add(name: "via", value: self.appended(head.headers, "via", "1.1 \(self.pseudonym)"))
        return headers
    }

    private static func endToEnd(_ headers: HTTPHeaders, also dropped: Set<String>) -> HTTPHeaders {
        let named = Set(headers[canonicalForm: "connection"].map { $0.lowercased() })
        var kept = HTTPHeaders()
        kept.reserveCapacity(headers.count + 3)
        for (name, value) in headers {
            let key = name.lowercased()
            if !self.hopByHop.contains(key), !dropped.contains(key), !named.contains(key) { kept.add(name: name, value: value) }
        }
        return kept
    }

    private static func appended(_ headers: HTTPHeaders, _ name: String, _ value: String) -> String {
        (headers[name] + [value]).joined(separator: ", ")
    }
}
