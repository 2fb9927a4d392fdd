import NIOCore
public import WeirRESP

/// Told on the loop what became of its commands. Nothing is allocated for a command.
public protocol RedisReplyReceiver: AnyObject {
    /// The reply to the command with this tag. An error that the server sent is a reply too: ``RESPFrame/isError``.
    func redisReplied(_ reply: RESPFrame, tag: UInt64)
    /// The command with this tag gets no reply.
    func redisFailed(_ error: RedisError, tag: UInt64)
}

/// Who is told.
enum RedisAnswer {
    /// Nobody any more: the command was cancelled or its time is up. Its reply is still due.
    case nobody
    /// As `nobody`, and the command was never sent, or never will be again.
    case void
    case receiver(any RedisReplyReceiver, tag: UInt64)
    case closure((Result<RESPFrame, RedisError>) -> Void)

    @inline(__always)
    func succeed(_ reply: RESPFrame) {
        switch self {
        case .nobody, .void: break
        case .receiver(let receiver, let tag): receiver.redisReplied(reply, tag: tag)
        case .closure(let body): body(.success(reply))
        }
    }

    func fail(_ error: RedisError) {
        switch self {
        case .nobody, .void: break
        case .receiver(let receiver, let tag): receiver.redisFailed(error, tag: tag)
        case .closure(let body): body(.failure(error))
        }
    }

    var isAnybody: Bool {
        switch self {
        case .nobody, .void: return false
        case .receiver, .closure: return true
        }
    }
}

/// Names a command that has no reply yet, to cancel it by. Good for one use: later ones find nothing.
public struct RedisTicket: Sendable, Hashable {
    let number: UInt64
    /// Which of a loop's shared connections it went to: each counts for itself.
    var link: Int32 = 0
}
