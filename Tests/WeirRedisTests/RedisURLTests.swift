import Testing

@testable import WeirRedis

@Suite struct RedisURLTests {
    @Test func readsEachPart() throws {
        #expect(try RedisURL("redis://localhost") == RedisURL(host: "localhost"))
        #expect(try RedisURL("REDIS://localhost/") == RedisURL(host: "localhost"))
        #expect(try RedisURL("redis://10.0.0.1:6380/3") == RedisURL(host: "10.0.0.1", port: 6380, database: 3))
        #expect(try RedisURL("redis://:pw@h") == RedisURL(host: "h", password: "pw"))
        #expect(try RedisURL("redis://me:pw@h:1") == RedisURL(host: "h", port: 1, user: "me", password: "pw"))
        #expect(try RedisURL("redis://me:p%40%3A%2F%25@h") == RedisURL(host: "h", user: "me", password: "p@:/%"))
        #expect(try RedisURL("redis://me:a:b@h") == RedisURL(host: "h", user: "me", password: "a:b"))
        #expect(try RedisURL("redis://[::1]:7000/1") == RedisURL(host: "::1", port: 7000, database: 1))
        #expect(try RedisURL("redis://[fe80::1]") == RedisURL(host: "fe80::1"))
    }

    @Test(arguments: [
        ("", RedisURLError.Code.scheme), ("localhost:6379", .scheme), ("http://localhost", .scheme), ("redis:/localhost", .scheme),
        ("rediss://localhost", .tlsNotSupported), ("RedisS://user:secret@localhost", .tlsNotSupported),
        ("redis://a@b@h", .credentials), ("redis://u:%zz@h", .credentials), ("redis://u:%2@h", .credentials),
        ("redis://u:%ff@h", .credentials),
        ("redis://user@h", .credentials), ("redis://", .host), ("redis:///1", .host), ("redis://:6379", .host), ("redis://a b", .host),
        ("redis://[::1", .host), ("redis://[::1]x", .host), ("redis://[host]", .host), ("redis://hö", .host),
        ("redis://h:", .port), ("redis://h:0", .port), ("redis://h:65536", .port), ("redis://h:+1", .port), ("redis://h:1:2", .port),
        ("redis://h:99999999999999999999", .port), ("redis://h/x", .database), ("redis://h/-1", .database), ("redis://h/1/2", .database),
        ("redis://h/99999999999", .database), ("redis://h?x=1", .query), ("redis://:pa#ss@h", .query),
    ])
    func refusesWithThePart(url: String, code: RedisURLError.Code) {
        let error = #expect(throws: RedisURLError.self) { try RedisURL(url) }
        #expect(error?.code == code)
    }

    @Test func showsNoPassword() throws {
        let url = try RedisURL("redis://me:secret@h:1/2")
        var dumped = ""
        dump(url, to: &dumped)
        for text in ["\(url)", String(reflecting: url), dumped, "\([url])", "\(Optional(url) as Any)"] {
            #expect(!text.contains("secret") && text.contains("me@h:1/2"), "\(text)")
        }
        for bad in ["redis://me:secret@h:x", "rediss://me:secret@h", "redis://me:secret@h@i", "redis://me:secret%z@h"] {
            let error = #expect(throws: RedisURLError.self) { try RedisURL(bad) }
            #expect(!String(reflecting: error).contains("secret"))
        }
    }
}
