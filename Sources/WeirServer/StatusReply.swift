import NIOCore
import NIOHTTP1

/// What a ``StatusServer`` answers.
public struct StatusReply: Sendable {
    public var status: HTTPResponseStatus
    public var contentType: String
    public var body: ByteBuffer

    public init(status: HTTPResponseStatus = .ok, contentType: String, body: ByteBuffer) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// JSON that is written already.
    public static func json(_ body: ByteBuffer) -> StatusReply { StatusReply(contentType: "application/json", body: body) }

    /// A text for people.
    public static func text(_ text: String, status: HTTPResponseStatus = .ok) -> StatusReply {
        StatusReply(status: status, contentType: "text/plain; charset=utf-8", body: ByteBuffer(string: text))
    }

    /// Metrics in Prometheus' text format.
    public static func prometheus(_ body: ByteBuffer) -> StatusReply {
        StatusReply(contentType: "text/plain; version=0.0.4; charset=utf-8", body: body)
    }
}
