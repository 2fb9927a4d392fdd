import NIOCore
import Testing
import WeirCore

@testable import WeirPostgres

/// Connection strings in both forms.
struct PostgresURLTests {
    private static func url(_ text: String) throws -> PostgresURL { try PostgresURL(text) }

    private static func code(_ text: String, _ location: SourceLocation = #_sourceLocation) -> PostgresURLError.Code? {
        do throws(PostgresURLError) {
            _ = try PostgresURL(text)
            return nil
        } catch {
            // No message repeats any of it.
            for part in ["s3cr3t", "bad", "host1"] {
                for shown in ["\(error)", String(reflecting: error), error.message, String(describing: error)] {
                    #expect(!shown.contains(part), sourceLocation: location)
                }
            }
            return error.code
        }
    }

    // MARK: URLs

    @Test(arguments: ["postgres://u", "postgresql://u@", "POSTGRES://u@localhost", "postgres://u@localhost:5432", "user=u", "user = 'u' "])
    func theLeast(text: String) throws {
        // Without a user in front of @ the first is a host.
        guard text.contains("@") || text.contains("=") else {
            #expect(Self.code(text) == .credentials)
            return
        }
        let url = try Self.url(text)
        #expect(url.user == "u" && url.password == nil && url.database == nil)
        #expect(url.addresses == [.tcp(host: "localhost", port: 5432)])
        #expect(url.tlsMode == .prefer && url.channelBinding == .prefer && url.sessionAttributes == .any)
        #expect(url.connectTimeoutSeconds == nil && url.applicationName == nil && url.options == nil)
        #expect(url.rootCertificateFile == nil && url.certificateFile == nil && url.privateKeyFile == nil)
    }

    @Test func whatIsEncodedIsDecoded() throws {
        let url = try Self.url("postgres://us%40er:p%3A%2f%3F%23%40%25%C3%A9 w@host/d%2fb%20é?application_name=a%26b%3Dc")
        #expect(url.user == "us@er")
        #expect(url.password == "p:/?#@%é w")
        #expect(url.database == "d/b é")
        #expect(url.applicationName == "a&b=c")
        // Only the first colon is one.
        #expect(try Self.url("postgres://u:a:b:c@h").password == "a:b:c")
        #expect(try Self.url("postgres://u:@h").password == "")
    }

    @Test func hostsAndPorts() throws {
        let url = try Self.url("postgres://u@a:1,b:2,c/d")
        #expect(url.addresses == [.tcp(host: "a", port: 1), .tcp(host: "b", port: 2), .tcp(host: "c", port: 5432)])
        #expect(
            try Self.url("postgres://u@[::1]:6000,[fe80::1%25eth0]").addresses == [
                .tcp(host: "::1", port: 6000), .tcp(host: "fe80::1%eth0", port: 5432),
            ])
        // One port is all hosts'.
        #expect(try Self.url("host=a,b port=7 user=u").addresses == [.tcp(host: "a", port: 7), .tcp(host: "b", port: 7)])
        #expect(try Self.url("host=a,,c port=7,8,9 user=u").addresses[1] == .tcp(host: "localhost", port: 8))
        #expect(try Self.url("postgres:///d?host=a,b&port=1,2&user=u").addresses == [.tcp(host: "a", port: 1), .tcp(host: "b", port: 2)])
        #expect(try Self.url("hostaddr=10.0.0.1 user=u").addresses == [.tcp(host: "10.0.0.1", port: 5432)])
    }

    @Test func unixSockets() throws {
        let path = PostgresAddress.unixSocket(path: "/var/run/postgresql/.s.PGSQL.5433")
        #expect(try Self.url("postgres://u@%2Fvar%2Frun%2Fpostgresql:5433/d").addresses == [path])
        #expect(try Self.url("postgres://u@/d?host=/var/run/postgresql&port=5433").addresses == [path])
        #expect(try Self.url("host=/var/run/postgresql/ port=5433 user=u").addresses == [path])
        #expect(
            try Self.url("host=/sockets,a port=1,2 user=u").addresses == [
                .unixSocket(path: "/sockets/.s.PGSQL.1"), .tcp(host: "a", port: 2),
            ])
    }

    // MARK: Lists

    @Test func quotesAndEscapes() throws {
        let url = try Self.url(#"user = 'o\'brien' password='a \\ b' dbname=with\ blank host=h application_name=''"#)
        #expect(url.user == "o'brien")
        #expect(url.password == #"a \ b"#)
        #expect(url.database == "with blank")
        #expect(url.applicationName == "")
        #expect(try Self.url("user=u\n\tpassword = 'x=y z' ").password == "x=y z")
        // What looks like an escape of a URL is none here.
        #expect(try Self.url("user=u password=%41").password == "%41")
        #expect(try Self.url("user=u dbname=").database == nil)
    }

    // MARK: Options

    static let options: [(String, String)] = [
        ("sslmode", "verify-full"), ("sslrootcert", "/r.crt"), ("sslcert", "/c.crt"), ("sslkey", "/c.key"), ("channel_binding", "require"),
        ("target_session_attrs", "read-write"), ("connect_timeout", "7"), ("application_name", "app"), ("options", "-c geqo=off"),
        ("client_encoding", "UTF8"), ("password", "pw"),
    ]

    @Test func everyOptionInBothForms() throws {
        let inURL = Self.options.map { "\($0)=\($1.split(separator: " ").joined(separator: "%20"))" }.joined(separator: "&")
        let inList = Self.options.map { "\($0)='\($1)'" }.joined(separator: " ")
        for url in [try Self.url("postgres://u@h/d?\(inURL)"), try Self.url("user=u host=h dbname=d \(inList)")] {
            #expect(url.tlsMode == .verifyFull && url.channelBinding == .require && url.sessionAttributes == .readWrite)
            #expect(url.rootCertificateFile == "/r.crt" && url.certificateFile == "/c.crt" && url.privateKeyFile == "/c.key")
            #expect(url.connectTimeoutSeconds == 7 && url.applicationName == "app" && url.options == "-c geqo=off")
            #expect(url.password == "pw" && url.database == "d")
        }
    }

    @Test func everyValueOfTheChoices() throws {
        for mode in PostgresTLSMode.allCases { #expect(try Self.url("user=u sslmode=\(mode.rawValue)").tlsMode == mode) }
        for binding in PostgresChannelBinding.allCases {
            #expect(try Self.url("user=u channel_binding=\(binding.rawValue)").channelBinding == binding)
        }
        for kind in PostgresSessionAttributes.allCases {
            #expect(try Self.url("user=u target_session_attrs=\(kind.rawValue)").sessionAttributes == kind)
        }
        for encoding in ["utf8", "UTF-8", "auto", "unicode"] { #expect(Self.code("user=u client_encoding=\(encoding)") == nil) }
        #expect(try Self.url("user=u connect_timeout=0").connectTimeoutSeconds == nil)
        #expect(try Self.url("user=u sslrootcert=system").rootCertificateFile == nil)
    }

    // MARK: Refusals

    @Test(arguments: [
        "", "bad", "redis://bad@host1", "postgres:/u@h", "http://u@h", "postgres://u@h/d#frag", "postgres://u@h/a/b", "postgres://u@h/%zz",
        "user", "user=u password", "user=u =x", "user='u", "user='u'x", "user=u password='a\\",
    ])
    func formsThatAreNone(text: String) {
        let code = Self.code(text)
        #expect(code == .form || text.isEmpty && code == .credentials, "\(text): \(String(describing: code))")
    }

    @Test(arguments: [
        "postgres://h/d", "postgres://@h", "host=h", "user='' host=h", "postgres://a@b@host1", "postgres://u%@h", "postgres://u:%s3cr3t@h",
        "postgres://u:%ff@h", "postgres://u:a%00s3cr3t@h", "user=u password='s3cr3t\0'",
    ])
    func credentialsThatAreNone(text: String) { #expect(Self.code(text) == .credentials, "\(text)") }

    @Test(arguments: [
        "postgres://u@h:bad", "postgres://u@h:0", "postgres://u@h:65536", "postgres://u@h:-1", "postgres://u@h:1:2", "user=u port=bad",
        "user=u host=a,b,c port=1,2", "user=u host=a port=1,2", "user=u port=99999999999999999999",
    ])
    func portsThatAreNone(text: String) { #expect(Self.code(text) == .port, "\(text)") }

    @Test(arguments: [
        "postgres://u@[::1", "postgres://u@[::1]x:1", "postgres://u@host1 bad", "postgres://u@a%2Cb", "postgres://u@%zz",
        "user=u host='a b'",
        "user=u host=a;b", "user=u host=\(String(repeating: "a", count: 254))",
    ])
    func hostsThatAreNone(text: String) { #expect(Self.code(text) == .host, "\(text)") }

    @Test(arguments: [
        "postgres://u@h/d?bad=1", "postgres://u@h/d?sslmode", "postgres://u@h/d?sslmode=%z", "user=u sslmode=allow",
        "user=u sslmode=REQUIRE",
        "user=u sslmode=", "user=u channel_binding=bad", "user=u target_session_attrs=bad", "user=u connect_timeout=-1",
        "user=u connect_timeout=86401", "user=u connect_timeout=bad", "user=u client_encoding=LATIN1", "user=u user=v", "user=u bad=x",
        "postgres://u@h/d?dbname=e", "postgres://u@h?user=v", "postgres://u:a@h?password=s3cr3t", "user=u passfile=/bad",
        "user=u service=bad",
        "user=u dbname='a\0b'",
    ])
    func optionsThatAreNone(text: String) { #expect(Self.code(text) == .option, "\(text)") }

    /// Who names both wants the certificate to have the name: an address alone would be verified instead.
    @Test func aNameAndAnAddress() { #expect(Self.code("user=u host=host1 hostaddr=10.0.0.1") == .option) }

    // MARK: What is shown

    @Test func noPasswordIsShown() throws {
        for text in ["postgres://u:s3cr3t@h/d?sslmode=require", "user=u password=s3cr3t host=h dbname=d sslmode=require"] {
            let url = try Self.url(text)
            Secrets.expectNone(of: "s3cr3t", in: url)
            Secrets.expectNone(of: "s3cr3t", in: [url] as [Any])
            #expect(url.description == "postgres://u@h:5432/d?sslmode=require")
        }
    }

    @Test func noPasswordIsShownOfWhatIsMadeOfIt() throws {
        let target = PostgresServerTarget(url: try Self.url("postgres://u:s3cr3t@h/d"), configuration: PostgresConfiguration())
        Secrets.expectNone(of: "s3cr3t", in: target)
        Secrets.expectNone(of: "s3cr3t", in: target.keys)
        let loop = testGroup.any()
        try loop.submit {
            let factory = PostgresConnectionFactory(target: target, loop: loop)
            Secrets.expectNone(of: "s3cr3t", in: factory)
        }.wait()
    }
}
