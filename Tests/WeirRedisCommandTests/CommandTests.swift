import NIOCore
import Testing
import WeirPool
import WeirRESP

@testable import WeirRedis

/// Every command against a real server, in both versions of the protocol.
@Suite(.serialized, .enabled(if: realURL != nil, "WEIR_REDIS_URL names no Redis")) struct CommandTests {
    /// The replies mean what the scripts say; the keys are those that the server finds, and what blocks is what the server says blocks;
    /// and replies with something wrong in them are refused, or read, but do no harm.
    @Test(arguments: Family.allCases, [RESPVersion.resp2, .resp3]) func runs(family: Family, version: RESPVersion) async throws {
        try await withRealRedis(version, database: 9) { pool, loop in
            let steps = family.script().steps
            try await pool.connections[loop].withLease { connection in
                #expect(connection.version == version)
                var hostile = HostileReplies(seed: UInt64(version.rawValue))
                for step in steps {
                    try await Self.checkKnowledge(of: step, connection)
                    let command = RedisCommand(step.request) { $0 }
                    do {
                        let reply = try await connection.send(command, deadline: .now() + .seconds(10)).get()
                        #expect(throws: Never.self, "\(step.text)") {
                            if let complaint = try step.complaint(reply) { Issue.record("\(step.text): \(complaint)") }
                        }
                        let value = RESPValue(reply)
                        for _ in 0..<40 {
                            guard let frame = HostileReplies.frame(hostile.changed(value), version) else { continue }
                            Self.checkHarmless(step, frame)
                        }
                    } catch let error as RedisError {
                        if !step.mayFail { Issue.record("\(step.text): \(error) \(error.message)") }
                    }
                }
            }
        }
    }

    static func checkHarmless(_ step: Step, _ frame: RESPFrame) {
        do {
            try step.decode(frame)
        } catch {
            if (error as? RedisError)?.code != .unexpectedReply { Issue.record("\(step.text): \(error)") }
        }
    }

    /// What the module knows of a command is what the server knows of it.
    private static func checkKnowledge(of step: Step, _ connection: RedisConnection) async throws {
        var expected: [ByteBuffer] = []
        do {
            expected = try await connection.send(.commandGetKeys(step.words), deadline: .now() + .seconds(10)).get()
        } catch let error as RedisError where error.code == .serverError {}
        // A shard's channel is no key to the server, but it decides where in a cluster the message goes.
        if step.words[0] == b("SPUBLISH") { expected = [step.words[1]] }
        #expect(step.request.keyArguments == expected, "\(step.text)")
        #expect(RedisCommand.raw(step.words).request.keyArguments == expected, "\(step.text) by its parts")

        let names = RedisCommand<RESPFrame>.raw([b("COMMAND"), b("INFO"), step.words[0]])
        let info = try await connection.send(names, deadline: .now() + .seconds(10)).get()
        let details = info.elements?.first { _ in true }?.elements.map { Array($0) } ?? []
        let flags = details.count > 2 ? details[2].elements.map { Array($0) } : nil
        // Commands that the server does not know have none.
        let blocks = flags?.contains { $0.string == b("blocking") } ?? false
        let traits = step.request.traits
        switch String(buffer: step.words[0]) {
        case "XREAD", "XREADGROUP": #expect(traits.contains(.blocking) == step.arguments.contains(b("BLOCK")), "\(step.text)")
        // The server counts it among the blocking ones since 7.2 only.
        case "WAIT": #expect(traits == .blocking)
        default: #expect(traits.contains(.blocking) == blocks, "\(step.text)")
        }
        #expect(traits == RedisTraits(ofCommand: step.words), "\(step.text)")
        #expect(!traits.contains(.repeatable))
    }
}

/// The same readings without a server.
@Suite struct DecoderTests {
    @Test(arguments: Family.allCases) func readNothingThatDoesHarm(family: Family) throws {
        var hostile = HostileReplies(seed: 0xDEC0DE)
        let steps = family.script().steps
        for _ in 0..<300 {
            let value = hostile.value()
            for version in [RESPVersion.resp2, .resp3] {
                guard let frame = HostileReplies.frame(value, version), !frame.isError else { continue }
                for step in steps { CommandTests.checkHarmless(step, frame) }
            }
        }
    }

    /// What is streamed or has attributes is as good as what has not.
    @Test(arguments: [
        "*?\r\n$1\r\na\r\n.\r\n", "%?\r\n$1\r\na\r\n$1\r\nb\r\n.\r\n", "|1\r\n+a\r\n+b\r\n*1\r\n$1\r\na\r\n", "*-1\r\n", "*0\r\n", "%0\r\n",
        "~0\r\n",
        "$?\r\n;1\r\na\r\n;0\r\n",
    ]) func readsEveryShape(bytes: String) throws {
        let frame = try RESPFrame(b(bytes))
        for family in Family.allCases {
            for step in family.script().steps { CommandTests.checkHarmless(step, frame) }
        }
    }

    /// Inside a transaction every command is answered by `QUEUED`, which is no value. What replies with a frame shows what it is.
    @Test func nothingIsDoneWhatIsQueued() throws {
        let frame = try RESPFrame(b("+QUEUED\r\n"))
        for family in Family.allCases {
            for step in family.script().steps where step.isTyped {
                #expect(throws: RedisError.self, "\(step.text)") { try step.decode(frame) }
            }
        }
        #expect(throws: Never.self) { try RedisCommand.ping.decode(try RESPFrame(b("+STARTD\r\n"))) }
    }

    /// How many commands there are, subcommands counted each.
    @Test func commandsAreMany() {
        let containers = [
            "OBJECT", "XINFO", "XGROUP", "SCRIPT", "FUNCTION", "PUBSUB", "CONFIG", "COMMAND", "MEMORY", "SLOWLOG", "LATENCY", "MODULE",
            "CLIENT",
            "ACL",
        ]
        var names: Set<String> = []
        for family in Family.allCases {
            for step in family.script().steps where step.request.name.utf8CodeUnitCount > 0 {
                let name = String(buffer: step.words[0])
                names.insert(containers.contains(name) ? "\(name) \(String(buffer: step.words[1]))" : name)
            }
        }
        #expect(names.count >= 245, "\(names.count)")
    }
}
