import NIOCore
import NIOHTTP1
import WeirCore
import WeirPool

/// Told on the loop how an ``HTTPExchange`` goes. After `exchangeEnded` or `exchangeFailed` nothing more comes.
public protocol HTTPExchangeDelegate: AnyObject {
    /// A connection is there and the request's head is on its way; body may be written. Called again if the request is sent
    /// again on another connection, which happens only before anything of a response came and without a body.
    func exchangeStarted(_ exchange: HTTPExchange)
    /// The final response's head; informational ones are not passed on.
    func exchange(_ exchange: HTTPExchange, received head: HTTPResponseHead)
    /// A piece of the response's body, a slice of the read buffer.
    func exchange(_ exchange: HTTPExchange, received bytes: ByteBuffer)
    /// All that had arrived was passed on: a good moment to flush.
    func exchangeReadComplete(_ exchange: HTTPExchange)
    /// More of the request's body may be written, or no more for now.
    func exchange(_ exchange: HTTPExchange, writabilityChanged isWritable: Bool)
    /// The response is whole. If the request is not, it will not be sent to its end.
    func exchangeEnded(_ exchange: HTTPExchange, trailers: HTTPHeaders?)
    /// There is no response, or no more of it.
    func exchangeFailed(_ exchange: HTTPExchange, _ error: HTTPError)
}

/// How long an exchange waits.
public struct HTTPDeadlines: Hashable, Sendable {
    /// For a connection. Five seconds unless set.
    public var connect: TimeAmount = .seconds(5)
    /// From the end of the request to the response's head. Thirty seconds unless set.
    public var firstByte: TimeAmount = .seconds(30)
    /// While the server neither takes nor sends anything and could. Thirty seconds unless set.
    public var idle: TimeAmount = .seconds(30)

    public init() {}
}

/// One request and its response on a leased connection; both bodies are streamed, with back-pressure both ways.
///
/// - What is written while ``isWritable`` is false waits, up to ``maximumWaitingBytes``; who pays attention stops before.
/// - While ``isReadingPaused`` is true nothing is read from the server, but for what one read already brought.
///
/// The connection goes back to the pool only if both directions ended, the server keeps it alive, and not one byte is left
/// over; otherwise it is closed. A request without a body whose method is idempotent is sent once more if the server closed a
/// kept-alive connection on it before a byte of the response came.
///
/// Made by ``LocalHTTPPool``; belongs to its loop.
public final class HTTPExchange: LeaseReceiver {
    public typealias Resource = HTTPConnection

    /// Bytes of the request's body that may wait for a connection.
    public static let maximumWaitingBytes = 1024 * 1024

    private enum Response {
        case awaited
        case receiving
        case ended
    }

    private let pool: LocalPool<HTTPConnection>
    private let loopContext: LoopContext
    private let head: HTTPRequestHead
    private let body: HTTPRequestBody
    private let deadlines: HTTPDeadlines
    private let owner: Owner
    private weak var delegate: (any HTTPExchangeDelegate)?

    private var request: LeaseRequest?
    private var lease: Lease<HTTPConnection>?
    private var connection: HTTPConnection?
    private var waiting: [ByteBuffer] = []
    private var waitingBytes = 0
    private var written = 0
    private var hasRequestEnded: Bool
    private var response = Response.awaited
    private var keepsAlive = false
    private var trailers: HTTPHeaders?
    private var isFinished = false
    private var mayRetry: Bool
    /// When the server last did something, or was last given something to do.
    private var lastActivity = NIODeadline.distantPast

    /// While true nothing more is read from the server. Set it back to go on.
    public var isReadingPaused = false {
        didSet {
            guard oldValue, !self.isReadingPaused else { return }
            self.lastActivity = self.loopContext.passTime
            self.connection?.resumeReading()
        }
    }

    init(
        pool: LocalPool<HTTPConnection>, loopContext: LoopContext, head: HTTPRequestHead, body: HTTPRequestBody,
        deadlines: HTTPDeadlines, owner: Owner, delegate: any HTTPExchangeDelegate
    ) {
        self.pool = pool
        self.loopContext = loopContext
        self.head = head
        self.body = body
        self.deadlines = deadlines
        self.owner = owner
        self.delegate = delegate
        self.hasRequestEnded = body == .none
        self.mayRetry = body == .none && HTTPRequestFraming.isIdempotent(head.method)
    }

    var method: HTTPMethod { self.head.method }
    var hasResponseBegun: Bool { self.response != .awaited }
    var hasResponseEnded: Bool { self.response == .ended }

    /// True if what is written goes to the server without piling up here.
    public var isWritable: Bool { self.connection?.isWritable ?? false }

    // MARK: What the caller does

    /// Asks for a connection. May call the delegate before it returns.
    func start() {
        self.request = self.pool.lease(owner: self.owner, deadline: self.loopContext.passTime + self.deadlines.connect, to: self)
    }

    /// A piece of the request's body. Ignored once the exchange has ended.
    public func write(_ bytes: ByteBuffer) {
        guard !self.isFinished, self.response != .ended, bytes.readableBytes > 0 else { return }
        self.written += bytes.readableBytes
        if case .length(let length) = self.body, self.written > length {
            self.fail(HTTPError(.requestBody, "the request's body is longer than announced"))
            return
        }
        guard self.body != .none, !self.hasRequestEnded else {
            self.fail(HTTPError(.requestBody, "the request has a body that was not announced"))
            return
        }
        guard let connection = self.connection else {
            self.waitingBytes += bytes.readableBytes
            guard self.waitingBytes <= Self.maximumWaitingBytes else {
                self.fail(HTTPError(.requestBody, "more of the request's body was given than may wait for a connection", mayHaveRun: false))
                return
            }
            self.waiting.append(bytes)
            return
        }
        connection.write(bytes)
        self.lastActivity = self.loopContext.passTime
    }

    /// Sends what was written.
    public func flush() { self.connection?.flush() }

    /// The request's body is whole. Without a body it need not be called.
    public func end() {
        guard !self.isFinished, !self.hasRequestEnded, self.response != .ended else { return }
        if case .length(let length) = self.body, self.written != length {
            self.fail(HTTPError(.requestBody, "the request's body is shorter than announced"))
            return
        }
        self.hasRequestEnded = true
        self.lastActivity = self.loopContext.passTime
        self.connection?.writeEnd()
    }

    /// Gives the exchange up; the delegate hears no more of it.
    public func cancel() {
        self.delegate = nil
        self.fail(HTTPError(.cancelled, "the exchange was given up"))
    }

    // MARK: Lease

    public func leaseGranted(_ lease: consuming Lease<HTTPConnection>, tag: UInt64) {
        self.request = nil
        guard !self.isFinished else {
            lease.release()
            return
        }
        let connection = lease.resource
        self.lease = consume lease
        self.connection = connection
        self.lastActivity = self.loopContext.passTime
        connection.begin(self, head: self.head)
        for bytes in self.waiting { connection.write(bytes) }
        self.waiting = []
        self.waitingBytes = 0
        if self.hasRequestEnded { connection.writeEnd() } else { connection.flush() }
        guard self.connection != nil else { return }
        connection.arm(at: self.lastActivity + min(self.deadlines.firstByte, self.deadlines.idle))
        self.delegate?.exchangeStarted(self)
    }

    public func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.request = nil
        self.fail(HTTPError(.noConnection, "the pool gave no connection", cause: error, mayHaveRun: false))
    }

    // MARK: What the connection reports

    func connectionReceived(_ head: HTTPResponseHead, keepsAlive: Bool) {
        self.lastActivity = self.loopContext.passTime
        self.response = .receiving
        self.keepsAlive = keepsAlive
        // From here on it is the shorter one that counts.
        self.connection?.arm(at: self.lastActivity + self.deadlines.idle)
        self.delegate?.exchange(self, received: head)
    }

    func connectionReceived(_ bytes: ByteBuffer) {
        self.lastActivity = self.loopContext.passTime
        self.delegate?.exchange(self, received: bytes)
    }

    /// The parser has the end; whether the connection is good for more is known when its read is processed.
    func connectionReceivedEnd(_ trailers: HTTPHeaders?) {
        self.response = .ended
        self.trailers = trailers
    }

    func connectionReadComplete() { self.delegate?.exchangeReadComplete(self) }

    func connectionWritabilityChanged(_ isWritable: Bool) {
        self.lastActivity = self.loopContext.passTime
        if !self.hasRequestEnded { self.delegate?.exchange(self, writabilityChanged: isWritable) }
    }

    /// The response has ended, and all that came with it is processed.
    func connectionFinished(isClean: Bool) {
        guard !self.isFinished else { return }
        self.isFinished = true
        let isReusable = isClean && self.keepsAlive && self.hasRequestEnded
        let connection = self.connection
        self.connection = nil
        self.isReadingPaused = false
        connection?.endExchange(isClean: isReusable)
        if let lease = self.lease.take() {
            if isReusable { lease.release() } else { lease.discard() }
        }
        self.delegate?.exchangeEnded(self, trailers: self.trailers)
    }

    /// The connection is gone.
    func connectionFailed(_ error: HTTPError) {
        let wasUsed = self.connection?.wasUsed ?? false
        self.connection = nil
        guard !self.isFinished else { return }
        self.lease.take()?.discard()
        if self.response == .awaited, error.code == .connectionLost, wasUsed, self.mayRetry {
            self.mayRetry = false
            self.start()
            return
        }
        if self.response == .receiving, error.code == .connectionLost {
            self.fail(HTTPError(.prematureClose, "the connection ended in the middle of the response", cause: error.cause))
        } else {
            self.fail(error)
        }
    }

    /// One deadline is armed at any time; it moves on by itself while the server is not to blame.
    func deadlineReached() {
        guard !self.isFinished, let connection = self.connection else { return }
        let now = self.loopContext.passTime
        let limit = self.response == .awaited && self.hasRequestEnded ? self.deadlines.firstByte : self.deadlines.idle
        let isOursToAct = self.isReadingPaused || (!self.hasRequestEnded && connection.isWritable)
        if isOursToAct {
            connection.arm(at: now + limit)
        } else if self.lastActivity + limit > now {
            connection.arm(at: self.lastActivity + limit)
        } else if self.response == .awaited, self.hasRequestEnded {
            self.fail(HTTPError(.firstByteTimeout, "no response began in time"))
        } else {
            self.fail(HTTPError(.idleTimeout, "the server neither took nor sent anything for too long"))
        }
    }

    private func fail(_ error: HTTPError) {
        guard !self.isFinished else { return }
        self.isFinished = true
        self.waiting = []
        if let request = self.request {
            self.request = nil
            self.pool.cancel(request)
        }
        let connection = self.connection
        self.connection = nil
        connection?.close()
        self.lease.take()?.discard()
        self.delegate?.exchangeFailed(self, error)
    }
}
