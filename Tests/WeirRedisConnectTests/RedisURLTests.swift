import Testing
import WeirRedis

@Suite struct RedisURLTests {
    @Test func readsEachPart() throws {
        #expect(try RedisURL("redis://localhost") == RedisURL(host: "localhost"))
        #expect(try RedisURL("REDIS://localhost/") == RedisURL(host: "localhost"))
        #expect(try RedisURL("redis://10.0.0.1:6380/3") == RedisURL(host: "10.0.0.1", port: 6380, database: 3))
        #expect(try RedisURL("redis://:pw@h") == RedisURL(host: "h", password: "pw"))
        #expect(try RedisURL("redis://me:pw@h:1") == RedisURL(host: "h", port: 1, user: "me", password: "pw"))
        #expect(try RedisURL("redis://me:p%40%3A%2F%25@h") == RedisURL(host: "h", user: "me", password: "p@:/%"))
        #expect(try RedisURL("redis://me:a:b@h") == RedisURL(host: "h", user: "me", password: "a:b"))
        #expect(try RedisURL("redis://me:@h") == RedisURL(host: "h", user: "me", password: ""))
        #expect(try RedisURL("redis://:@h") == RedisURL(host: "h") && RedisURL("redis://@h") == RedisURL(host: "h"))
        #expect(try RedisURL("redis://[::1]:7000/1") == RedisURL(host: "::1", port: 7000, database: 1))
        #expect(try RedisURL("redis://[fe80::1]") == RedisURL(host: "fe80::1"))
    }

    @Test func readsTLS() throws {
        #expect(try RedisURL("rediss://me:pw@h/2") == RedisURL(host: "h", user: "me", password: "pw", database: 2, usesTLS: true))
        #expect(try RedisURL("RedisS://h").usesTLS)
    }

    @Test func readsSeveralAddresses() throws {
        let url = try RedisURL("rediss://me:pw@a:1,b,[::1]:3,10.0.0.1/4")
        #expect(
            url.addresses == [
                .tcp(host: "a", port: 1), .tcp(host: "b", port: 6379), .tcp(host: "::1", port: 3), .tcp(host: "10.0.0.1", port: 6379),
            ])
        #expect(url.password == "pw" && url.database == 4 && url.host == "a" && url.port == 1)
        #expect("\(url)" == "rediss://me@a:1,b:6379,[::1]:3,10.0.0.1:6379/4")
    }

    @Test(arguments: ["redis+unix", "unix", "REDIS+UNIX"])
    func readsUnixSockets(scheme: String) throws {
        let socket = RedisAddress.unixSocket(path: "/run/a b.sock")
        #expect(try RedisURL("\(scheme):///run/a%20b.sock") == RedisURL(addresses: [socket]))
        #expect(try RedisURL("\(scheme):///run/a b.sock?db=2") == RedisURL(addresses: [socket], database: 2))
        #expect(
            try RedisURL("\(scheme)://me:pw@/run/a b.sock?database=2")
                == RedisURL(addresses: [socket], user: "me", password: "pw", database: 2))
        #expect(
            try RedisURL("\(scheme):///run/a b.sock?user=me&password=p%26%3D&db=0")
                == RedisURL(addresses: [socket], user: "me", password: "p&="))
        #expect(
            try RedisURL("\(scheme)://me@/run/a@b?password=pw")
                == RedisURL(addresses: [.unixSocket(path: "/run/a@b")], user: "me", password: "pw"))
        #expect("\(try RedisURL("\(scheme)://me:pw@/run/s?db=1"))" == "redis+unix://me@/run/s?db=1")
    }

    @Test func readsOptions() throws {
        #expect(try RedisURL("redis://h?db=3") == RedisURL(host: "h", database: 3))
        #expect(try RedisURL("redis://h/?db=3&username=me&password=pw") == RedisURL(host: "h", user: "me", password: "pw", database: 3))
    }

    @Test(arguments: [
        ("", RedisURLError.Code.scheme), ("localhost:6379", .scheme), ("http://localhost", .scheme), ("redis:/localhost", .scheme),
        ("redisss://h", .scheme), ("redis+unix:/x", .scheme), ("redis-sentinel://h", .scheme), (" redis://h", .scheme),
        ("redis://a@b@h", .credentials), ("redis://u:%zz@h", .credentials), ("redis://u:%2@h", .credentials),
        ("redis://u:%ff@h", .credentials), ("redis://user@h", .credentials), ("redis://u:p@h?password=q", .credentials),
        ("redis://u:p@h?user=q", .credentials), ("redis://h?user=q", .credentials), ("unix://u@/s", .credentials),
        ("redis://", .host), ("redis:///1", .host), ("redis://:6379", .host), ("redis://a b", .host), ("redis://a,", .host),
        ("redis://,a", .host), ("redis://a,,b", .host), ("redis://u:p@a,i:x@b", .credentials), ("rediss://", .host), ("redis://a;b", .host),
        ("redis://[::1", .host), ("redis://[::1]x", .host), ("redis://[host]", .host), ("redis://hö", .host), ("redis://a%20b", .host),
        ("redis://h:", .port), ("redis://h:0", .port), ("redis://h:65536", .port), ("redis://h:+1", .port), ("redis://h:1:2", .port),
        ("redis://h:99999999999999999999", .port), ("redis://h,i:x", .port), ("redis://h:١", .port),
        ("unix://", .path), ("unix:///", .path), ("unix:///a/", .path), ("unix://h/a", .path), ("unix:///a%2", .path),
        ("unix:///a%00b", .path),
        ("redis://h/x", .database), ("redis://h/-1", .database), ("redis://h/1/2", .database), ("redis://h/99999999999", .database),
        ("redis://h/1?db=1", .database), ("redis://h?db=1&database=1", .database), ("redis://h?db=x", .database),
        ("redis://h?db=-1", .database),
        ("redis://h?x=1", .query), ("redis://:pa#ss@h", .query), ("redis://h?db", .query), ("redis://h?db=", .query),
        ("redis://h?db=1&", .query),
        ("unix:///s?timeout=1", .query), ("redis://h#f", .query), ("redis://h?password=%zz", .query),
    ])
    func refusesWithThePart(url: String, code: RedisURLError.Code) {
        let error = #expect(throws: RedisURLError.self) { try RedisURL(url) }
        #expect(error?.code == code)
    }

    @Test func showsNoPassword() throws {
        for text in [
            "redis://me:secret@h:1/2", "rediss://me:secret@h:1,i/2", "unix://me:secret@/h?db=2", "unix:///h?user=me&password=secret",
        ] {
            let url = try RedisURL(text)
            var dumped = ""
            dump(url, to: &dumped)
            for text in ["\(url)", String(reflecting: url), dumped, "\([url])", "\(Optional(url) as Any)"] {
                #expect(!text.contains("secret") && text.contains("me@"), "\(text)")
            }
            #expect(!Mirror(reflecting: url).children.contains { "\($0.value)".contains("secret") })
        }
        for bad in [
            "redis://me:secret@h:x", "redis://me:secret@h@i", "redis://me:secret%z@h", "redis://me:secret@h?secret=1",
            "unix:///x?password=secret&password=secret", "redis://h/secret", "redis://se cret", "secret://h", "unix:///secret%z",
        ] {
            let error = #expect(throws: RedisURLError.self) { try RedisURL(bad) }
            #expect(!String(reflecting: error).contains("secret") && error?.message.isEmpty == false)
        }
    }

    @Test func partsCanBeSet() {
        var url = RedisURL(addresses: [.unixSocket(path: "/s"), .tcp(host: "b", port: 2)])
        #expect(url.host == "" && url.port == 6379)
        url.host = "a"
        url.port = 1
        #expect(url.addresses == [.tcp(host: "a", port: 1), .tcp(host: "b", port: 2)])
    }
}
