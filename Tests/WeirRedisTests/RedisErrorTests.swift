import NIOCore
import NIOEmbedded
import Testing
import WeirRESP

@testable import WeirRedis

/// What errors say, and what they keep to themselves.
@Suite struct RedisErrorTests {
    @Test(arguments: [
        ("LOADING Redis is loading the dataset in memory", RedisServerErrorKind.loading),
        ("READONLY You can't write against a read only replica.", .readOnly),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", .masterDown),
        ("TRYAGAIN Multiple keys request during rehashing of slot", .tryAgain), ("CLUSTERDOWN Hash slot not served", .clusterDown),
        ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", .misconfigured),
        ("OOM command not allowed when used memory > 'maxmemory'.", .outOfMemory),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", .busy),
        ("NOAUTH Authentication required.", .notAuthenticated),
        ("NOPERM User x has no permissions to run the 'get' command", .noPermission),
        ("MOVED 3999 127.0.0.1:6381", .moved), ("ASK 3999 127.0.0.1:6381", .ask), ("CROSSSLOT Keys in request", .crossSlot),
        ("EXECABORT Transaction discarded because of previous errors.", .execAborted), ("NOSCRIPT No matching script.", .noScript),
    ])
    func refusalsAreTypedAndHaveNotRun(text: String, kind: RedisServerErrorKind) throws {
        for wire in ["-\(text)\r\n", "!\(text.utf8.count)\r\n\(text)\r\n"] {
            let error = RedisError.serverError(try RESPFrame(ByteBuffer(string: wire)))
            #expect(error.code == .serverError && error.serverErrorKind == kind && !error.mayHaveRun)
        }
    }

    /// A refusal may be that of a script's second command, after its first has run.
    @Test(arguments: ["EVAL", "evalsha", "FCALL"]) func whatAScriptIsRefusedMayHaveRunInPart(name: String) throws {
        let command = RedisCommand<RESPFrame>.raw(name, "x", "0")
        for (text, mayHaveRun) in [("OOM no", true), ("READONLY no", true), ("NOPERM no", true), ("NOSCRIPT no", false)] {
            let frame = try RESPFrame(ByteBuffer(string: "-\(text)\r\n"))
            guard case .failure(let error) = command.read(frame) else {
                Issue.record("no error")
                continue
            }
            #expect(error.mayHaveRun == mayHaveRun)
        }
    }

    @Test(arguments: [
        ("ERR unknown command 'secret', with args beginning with: 'secret'", "ERR"),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE"), ("BUSYGROUP Consumer Group name", "BUSYGROUP"),
        ("secret is no word of an error", "ERR"), ("", "ERR"), (" ERR x", "ERR"), ("UNKILLABLE Sorry", "UNKILLABLE"),
    ])
    func otherErrorsMayHaveRunAndSayNoMoreThanTheirKind(text: String, kind: String) throws {
        let error = RedisError.serverError(try RESPFrame(ByteBuffer(string: "-\(text)\r\n")))
        #expect(error.serverErrorKind == RedisServerErrorKind(kind) && error.mayHaveRun)
        var dumped = ""
        dump(error, to: &dumped)
        for shown in ["\(error)", String(reflecting: error), dumped] { #expect(!shown.contains("secret")) }
    }

    @Test func noErrorShowsAnArgument() throws {
        let fixture = try PipelineFixture(pending: 4)
        final class Errors: RedisReplyReceiver {
            var all: [RedisError] = []
            func redisReplied(_ reply: RESPFrame, tag: UInt64) { self.all.append(RedisError.serverError(reply)) }
            func redisFailed(_ error: RedisError, tag: UInt64) { self.all.append(error) }
        }
        let errors = Errors()
        let secret = RedisCommand<RESPFrame>.raw("SET", "secret", "secret")
        let send = { (command: RedisCommand<RESPFrame>, seconds: Int64) in
            _ = fixture.connection.send(command, deadline: fixture.channel.eventLoop.now + .seconds(seconds), to: errors)
        }
        send(secret, -1)
        send(.raw("CLIENT", "REPLY", "secret"), 10)
        send(secret, 1)
        send(secret, 100)
        send(secret, 100)
        send(secret, 100)
        send(secret, 100)
        fixture.run()
        fixture.advance(.seconds(2))
        try fixture.receive("+late\r\n-ERR value secret\r\n-secret\r\n")
        fixture.channel.pipeline.fireChannelInactive()
        send(secret, 100)
        #expect(errors.all.count == 8)
        #expect(
            Set(errors.all.map(\.code)) == [.timeout, .notSupported, .tooManyPending, .serverError, .connectionLost])
        for error in errors.all {
            var dumped = ""
            dump(error, to: &dumped)
            for shown in ["\(error)", String(reflecting: error), dumped] { #expect(!shown.contains("secret")) }
        }
        var dumped = ""
        dump(secret, to: &dumped)
        for shown in ["\(secret.request)", String(reflecting: secret.request), dumped] { #expect(!shown.contains("secret")) }
        fixture.finish()
    }
}

/// What a transaction makes of its replies.
@Suite struct RedisTransactionRepliesTests {
    private func outcome(_ replies: [String]) throws -> Result<[RESPFrame]?, RedisError>? {
        var outcome: Result<[RESPFrame]?, RedisError>?
        let answer = RedisTransaction.collecting(count: replies.count) { outcome = $0 }
        for reply in replies { answer.succeed(try RESPFrame(ByteBuffer(string: reply))) }
        return outcome
    }

    /// A server that refuses `MULTI` has run the commands one by one, whatever it says of `EXEC`.
    @Test func withoutMultiCommandsMayHaveRun() throws {
        for exec in ["-EXECABORT no\r\n", "-NOPERM no\r\n", "-ERR EXEC without MULTI\r\n"] {
            guard case .failure(let error) = try self.outcome(["-NOPERM no\r\n", "+OK\r\n", exec]) else {
                return #expect(Bool(false), "no error")
            }
            #expect(error.mayHaveRun && (error.cause as? RedisError)?.serverErrorKind == .noPermission)
        }
        guard case .failure(let error) = try self.outcome(["+OK\r\n", "-ERR unknown\r\n", "-EXECABORT no\r\n"]) else {
            return #expect(Bool(false), "no error")
        }
        #expect(!error.mayHaveRun)
    }
}
