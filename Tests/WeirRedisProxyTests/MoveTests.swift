import NIOConcurrencyHelpers
import NIOCore
import RedisProcess
import Testing
import WeirCore
import WeirPool
import WeirRESP

@testable import WeirRedis

/// Clients that become others: by SELECT, HELLO, AUTH and RESET.
@Suite(.enabled(if: OwnRedis.program != nil, "needs a redis-server")) struct MoveTests {
    @Test func eachIdentityHasItsDatabaseAndShapes() async throws {
        try await withProxy { proxy, redis in
            for database in 0..<4 {
                let client = try await proxy.connect()
                try await client.ask("SELECT", "\(database)")
                try await client.ask("HSET", "hash", "field", "\(database)")
            }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in 0..<24 {
                    tasks.addTask {
                        var random = SplitMix64(seed: UInt64(number))
                        let client = try await proxy.connect()
                        var (database, version) = (0, 2)
                        for _ in 0..<30 {
                            if Bool.random(using: &random) {
                                database = Int.random(in: 0..<4, using: &random)
                                client.send(["SELECT", "\(database)"])
                                client.send(["HGETALL", "hash"])
                                #expect(try await client.reply() == "+OK\r\n")
                            } else {
                                version = Int.random(in: 2...3, using: &random)
                                client.send(["HELLO", "\(version)"])
                                client.send(["HGETALL", "hash"])
                                #expect(try await client.reply().hasPrefix(version == 3 ? "%" : "*"))
                            }
                            let pair = bulk("field") + bulk("\(database)")
                            #expect(try await client.reply() == (version == 3 ? "%1\r\n" : "*2\r\n") + pair)
                        }
                        await client.close()
                    }
                }
                try await tasks.waitForAll()
            }
            // A loop needs one for each identity in use, and no more.
            #expect(try await proxy.statistics().active <= 2 * 8)
        }
    }

    @Test func identitiesThatNobodyUsesGiveTheirConnectionBack() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let stays = try await proxy.connect()
            try await stays.ask("PING")
            let clients = [try await proxy.connect(), try await proxy.connect()]
            for client in clients {
                try await client.ask("SELECT", "5")
                try await client.ask("HELLO", "3")
            }
            #expect(try await proxy.statistics().active == 2)
            await clients[0].close()
            try await eventually { try await proxy.openSessions() == 2 }
            #expect(try await proxy.statistics().active == 2)
            await clients[1].reset()
            try await eventually { try await proxy.statistics().active == 1 }
            #expect(try await proxy.statistics().closed == 0)
            // The connection is used again, whatever it was before.
            let next = try await proxy.connect()
            try await next.ask("SELECT", "7")
            try await next.ask("SET", "seven", "7")
            #expect(try await stays.ask("GET", "seven") == "$-1\r\n")
            #expect(try await proxy.statistics().connects <= 3)
        }
    }

    @Test func refusedMovesLeaveTheClientWhereItWas() async throws {
        try await withProxy(loops: 1) { proxy, _ in
            let client = try await proxy.connect()
            try await client.ask("SELECT", "2")
            try await client.ask("SET", "here", "2")
            let refused: [([String], String)] = [
                (["SELECT", "99"], "-ERR DB index is out of range\r\n"), (["SELECT", "-1"], "-ERR DB index is out of range\r\n"),
                (["SELECT", "x"], "-ERR value is not an integer or out of range\r\n"),
                (["SELECT", ""], "-ERR value is not an integer or out of range\r\n"),
                (["SELECT"], "-ERR wrong number of arguments for 'select' command\r\n"),
                (["SELECT", "1", "2"], "-ERR wrong number of arguments for 'select' command\r\n"),
                (["HELLO", "4"], "-NOPROTO unsupported protocol version\r\n"),
                (["HELLO", "x"], "-ERR Protocol version is not an integer or out of range\r\n"),
                (["HELLO", "3", "AUTH", "nobody", "x"], "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
                (["AUTH", "nobody", "x"], "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
                (["AUTH"], "-ERR wrong number of arguments for 'auth' command\r\n"), (["AUTH", "a", "b", "c"], "-ERR syntax error\r\n"),
            ]
            for (words, reply) in refused {
                client.send(commands([words, ["GET", "here"]]))
                #expect(try await client.replies(2) == [reply, bulk("2")], "\(words)")
            }
            #expect(try await client.ask("HELLO", "3", "NONSENSE").hasPrefix("-ERR "))
            #expect(try await client.ask("HELLO", "3", "SETNAME", "a b").hasPrefix("-ERR "))
            #expect(try await client.ask("AUTH", "x").hasPrefix("-ERR AUTH <password> called without any password"))
            #expect(try await client.ask("HGETALL", "nothing") == "*0\r\n")
            try await eventually { try await proxy.statistics().active == 1 }
        }
    }

    @Test func helloTellsVersionAndSetsName() async throws {
        try await withProxy(loops: 1) { proxy, _ in
            let client = try await proxy.connect()
            #expect(try await client.ask("HELLO").hasPrefix("*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n"))
            #expect(try await client.ask("HELLO", "3", "SETNAME", "me").contains("$5\r\nproto\r\n:3\r\n"))
            #expect(try await client.ask("CLIENT", "GETNAME") == bulk("me"))
            #expect(try await client.ask("HELLO").hasPrefix("%7\r\n"))
            #expect(try await client.ask("CLIENT", "SETNAME", "") == "+OK\r\n")
            #expect(try await client.ask("CLIENT", "GETNAME") == "_\r\n")
            #expect(try await client.ask("HELLO", "2").hasPrefix("*14\r\n"))
            #expect(try await client.ask("CLIENT", "GETNAME") == "$-1\r\n")
        }
    }

    @Test func resetMakesTheClientNew() async throws {
        try await withProxy(loops: 1) { proxy, _ in
            let client = try await proxy.connect()
            try await client.ask("SET", "zero", "0")
            try await client.ask("SELECT", "3")
            try await client.ask("HELLO", "3", "SETNAME", "me")
            client.send(
                commands([["WATCH", "x"], ["MULTI"], ["SET", "zero", "1"], ["RESET"], ["GET", "zero"], ["CLIENT", "GETNAME"], ["EXEC"]]))
            #expect(
                try await client.replies(7) == [
                    "+OK\r\n", "+OK\r\n", "+QUEUED\r\n", "+RESET\r\n", bulk("0"), "$-1\r\n", "-ERR EXEC without MULTI\r\n",
                ])
            try await eventually { try await proxy.statistics().active == 1 }
        }
    }

    // MARK: The server decides

    private func withPasswords(_ body: (TestProxy) async throws -> Void) async throws {
        try await withProxy(loops: 1) { proxy, redis in
            try await redis.ask("ACL", "SETUSER", "anna", "on", ">a", "~anna:*", "+@all", "-exec")
            try await redis.ask("ACL", "SETUSER", "berta", "on", ">b", ">c", "~berta:*", "+@all")
            try await redis.ask("CONFIG", "SET", "requirepass", "secret")
            try await redis.ask("CLIENT", "KILL", "TYPE", "normal")
            try await body(proxy)
        }
    }

    @Test func loginsArePassedThrough() async throws {
        try await self.withPasswords { proxy in
            let client = try await proxy.connect()
            #expect(try await client.ask("GET", "a") == "-NOAUTH Authentication required.\r\n")
            #expect(try await client.ask("SELECT", "1") == "-NOAUTH Authentication required.\r\n")
            #expect(try await client.ask("MULTI") == "-NOAUTH Authentication required.\r\n")
            #expect(try await client.ask("HELLO", "3").hasPrefix("-NOAUTH "))
            #expect(try await client.ask("AUTH", "wrong").hasPrefix("-WRONGPASS "))
            #expect(try await client.ask("GET", "a") == "-NOAUTH Authentication required.\r\n")
            #expect(try await client.ask("AUTH", "secret") == "+OK\r\n")
            #expect(try await client.ask("SET", "a", "1") == "+OK\r\n")
            client.send(commands([["AUTH", "anna", "a"], ["ACL", "WHOAMI"], ["GET", "a"], ["SET", "anna:1", "x"]]))
            #expect(try await client.replies(2) == ["+OK\r\n", bulk("anna")])
            #expect(try await client.reply().hasPrefix("-NOPERM "))
            #expect(try await client.reply() == "+OK\r\n")
            // Another's wrong password changes nothing.
            client.send(commands([["AUTH", "berta", "a"], ["ACL", "WHOAMI"], ["AUTH", "berta", "c"], ["ACL", "WHOAMI"]]))
            #expect(try await client.reply().hasPrefix("-WRONGPASS "))
            #expect(try await client.replies(3) == [bulk("anna"), "+OK\r\n", bulk("berta")])
            #expect(try await client.ask("HELLO", "3", "AUTH", "anna", "a").hasPrefix("%7\r\n"))
            #expect(try await client.ask("ACL", "WHOAMI") == bulk("anna"))
            #expect(try await client.ask("RESET") == "+RESET\r\n")
            #expect(try await client.ask("GET", "a") == "-NOAUTH Authentication required.\r\n")
        }
    }

    @Test func clientsOfManyUsersAtOnce() async throws {
        try await self.withPasswords { proxy in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in 0..<20 {
                    tasks.addTask {
                        let client = try await proxy.connect()
                        let (user, password) = number % 2 == 0 ? ("anna", "a") : ("berta", number % 4 == 1 ? "b" : "c")
                        for round in 0..<20 {
                            if round % 5 == 0 { client.send(["AUTH", user, password]) }
                            client.send(commands([["ACL", "WHOAMI"], ["WATCH", "\(user):k"], ["ACL", "WHOAMI"], ["UNWATCH"]]))
                            if round % 5 == 0 { #expect(try await client.reply() == "+OK\r\n") }
                            #expect(try await client.replies(4) == [bulk(user), "+OK\r\n", bulk(user), "+OK\r\n"])
                        }
                        await client.close()
                    }
                }
                try await tasks.waitForAll()
            }
        }
    }

    /// The transaction is still open on that connection: it must not be another's.
    @Test func execThatIsForbiddenSpoilsTheConnection() async throws {
        try await self.withPasswords { proxy in
            let client = try await proxy.connect()
            for _ in 0..<5 {
                client.send(commands([["AUTH", "anna", "a"], ["MULTI"], ["SET", "anna:1", "x"], ["EXEC"]]))
                #expect(try await client.replies(3) == ["+OK\r\n", "+OK\r\n", "+QUEUED\r\n"])
                #expect(try await client.reply().hasPrefix("-EXECABORT "))
                let other = try await proxy.connect()
                other.send(
                    commands([["AUTH", "anna", "a"], ["WATCH", "anna:1"], ["GET", "anna:1"], ["UNWATCH"], ["BLPOP", "anna:2", "0.01"]]))
                #expect(try await other.replies(5) == ["+OK\r\n", "+OK\r\n", "$-1\r\n", "+OK\r\n", "*-1\r\n"])
                await other.close()
            }
        }
    }

    @Test func theUrlsLoginIsThatOfClientsWithoutOne() async throws {
        let redis = try await OwnRedis.start()
        try await redis.ask("ACL", "SETUSER", "front", "on", ">f", "~*", "+@all")
        var url = redis.url
        (url.user, url.password, url.database) = ("front", "f", 4)
        let proxy = try await TestProxy.start(url, loops: 1)
        let client = try await proxy.connect()
        #expect(try await client.ask("ACL", "WHOAMI") == bulk("front"))
        try await client.ask("SET", "a", "4")
        #expect(try await client.ask("MULTI") == "+OK\r\n")
        client.send(commands([["ACL", "WHOAMI"], ["GET", "a"], ["EXEC"]]))
        #expect(try await client.replies(3) == ["+QUEUED\r\n", "+QUEUED\r\n", "*2\r\n\(bulk("front"))\(bulk("4"))"])
        try await client.ask("SELECT", "0")
        #expect(try await client.ask("GET", "a") == "$-1\r\n")
        try await client.ask("RESET")
        #expect(try await client.ask("GET", "a") == bulk("4"))
        try await proxy.shutdown()
    }

    // MARK: The proxy decides

    private func withList(_ list: String, _ body: (TestProxy) async throws -> Void) async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.users = try RedisUsers(list: list)
        try await withProxy(loops: 1, configuration: configuration) { proxy, _ in try await body(proxy) }
    }

    private static let noAuth = "-NOAUTH Authentication required.\r\n"
    private static let wrongPass = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"

    @Test func nothingIsDoneBeforeTheLogin() async throws {
        try await self.withList("user anna on >a\nuser default on >d\nuser carl off >c") { proxy in
            let client = try await proxy.connect()
            let refused = [
                ["GET", "a"], ["PING"], ["MULTI"], ["EXEC"], ["SUBSCRIBE", "a"], ["SELECT", "1"], ["MONITOR"], ["BLPOP", "a", "0"],
                ["CLIENT", "SETNAME", "x"], ["CLIENT", "ID"], ["DEBUG", "x"], ["CLIENT", "REPLY", "OFF"], ["WATCH", "a"], ["COMMAND"],
            ]
            client.send(commands(refused))
            #expect(try await client.replies(refused.count) == refused.map { _ in Self.noAuth })
            #expect(try await client.ask("AUTH", "a") == Self.wrongPass)
            #expect(try await client.ask("AUTH", "carl", "c") == Self.wrongPass)
            #expect(try await client.ask("AUTH", "anna", "d") == Self.wrongPass)
            #expect(try await client.ask("HELLO", "3").hasPrefix("-NOAUTH HELLO must be called"))
            #expect(try await client.ask("HELLO", "3", "AUTH", "anna", "x") == Self.wrongPass)
            #expect(try await client.ask("GET", "a") == Self.noAuth)
            #expect(try await proxy.statistics().connects == 0)
            client.send(commands([["AUTH", "anna", "a"], ["SET", "a", "1"], ["GET", "a"]]))
            #expect(try await client.replies(3) == ["+OK\r\n", "+OK\r\n", bulk("1")])
            // Who is logged in stays that if the next login fails.
            #expect(try await client.ask("AUTH", "nobody", "x") == Self.wrongPass)
            #expect(try await client.ask("GET", "a") == bulk("1"))
            #expect(try await client.ask("RESET") == "+RESET\r\n")
            #expect(try await client.ask("GET", "a") == Self.noAuth)
            #expect(try await client.ask("AUTH", "d") == "+OK\r\n")
            #expect(try await client.ask("HELLO", "3", "AUTH", "anna", "a").hasPrefix("%7\r\n"))
            #expect(try await client.ask("HGETALL", "x") == "%0\r\n")
            await client.close()
            try await eventually { try await proxy.openSessions() == 0 }
            #expect(proxy.left.withLockedValue { $0.first?.user } == "anna")
        }
    }

    @Test func limitsAreNarrowBeforeTheLogin() async throws {
        try await self.withList("user anna on >a") { proxy in
            let large = String(repeating: "x", count: 20_000)
            let client = try await proxy.connect()
            client.send(["AUTH", "anna", large])
            #expect(try await client.rest().hasPrefix("-ERR Protocol error: "))
            let many = try await proxy.connect()
            many.send(Array(repeating: "AUTH", count: 50))
            #expect(try await many.rest().hasPrefix("-ERR Protocol error: "))
            // As wide as ever after it, also for what is sent with it.
            let third = try await proxy.connect()
            third.send(commands([["AUTH", "anna", "a"], ["SET", "large", large], ["DEL"] + Array(repeating: "large", count: 50)]))
            #expect(try await third.replies(3) == ["+OK\r\n", "+OK\r\n", ":1\r\n"])
        }
    }

    @Test func aDefaultUserWithoutPasswordMayDoAll() async throws {
        try await self.withList("user default on nopass\nuser anna on >a") { proxy in
            let client = try await proxy.connect()
            #expect(try await client.ask("SET", "a", "1") == "+OK\r\n")
            #expect(try await client.ask("AUTH", "anna", "b") == Self.wrongPass)
            #expect(try await client.ask("GET", "a") == bulk("1"))
        }
    }

    /// The list is the proxy's: the server is not to be asked for logins.
    @Test func theServerIsAskedForNoLoginWithAList() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.users = try RedisUsers(list: "user anna on >a")
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            try await redis.ask("ACL", "SETUSER", "admin", "on", ">admin", "~*", "+@all")
            let client = try await proxy.connect()
            try await client.ask("AUTH", "anna", "a")
            #expect(try await client.ask("AUTH", "admin", "admin") == Self.wrongPass)
            client.send(commands([["MULTI"], ["AUTH", "admin", "admin"], ["ACL", "WHOAMI"], ["EXEC"], ["ACL", "WHOAMI"]]))
            let replies = try await client.replies(5)
            #expect(!replies[3].contains("admin"), "\(replies)")
            #expect(replies[4] == bulk("default"))
        }
    }
}
