import Testing
import WeirHTTP

@Suite struct HTTPOriginTests {
    @Test func readsEachPart() throws {
        let url = try HTTPBaseURL("http://example.org:8081/api/v1/")
        #expect(url.origin == HTTPOrigin(host: "example.org", port: 8081))
        #expect(url.path == "/api/v1")
        #expect(url.description == "http://example.org:8081/api/v1")
        #expect(try HTTPBaseURL("HTTP://h").origin.authority == "h")
        #expect(try HTTPBaseURL("http://h/").path == "")
        #expect(try HTTPBaseURL("http://[::1]:9").origin.authority == "[::1]:9")
    }

    @Test(arguments: [
        ("", HTTPURLError.Code.scheme), ("h:80", .scheme), ("ftp://h", .scheme), ("https://h", .tlsNotSupported),
        ("http://u:secret@h", .credentials), ("http://", .host), ("http:///x", .host), ("http://a b", .host), ("http://[::1", .host),
        ("http://h:", .port), ("http://h:0", .port), ("http://h:70000", .port), ("http://h:x", .port), ("http://h/?q", .path),
        ("http://h/#f", .path), ("http://h/a b", .path),
    ])
    func refusesWithThePart(url: String, code: HTTPURLError.Code) {
        let error = #expect(throws: HTTPURLError.self) { try HTTPBaseURL(url) }
        #expect(error?.code == code)
        #expect(!String(reflecting: error).contains("secret"))
    }
}
