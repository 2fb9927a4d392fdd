import NIOCore

extension ByteBuffer {
    /// Writes where a client is as it stands in a log: `127.0.0.1:40112`, `[::1]:40112`, or `-` for what has no IP address.
    public mutating func writeAddress(_ address: SocketAddress?) {
        if let address, let ip = address.ipAddress, let port = address.port {
            self.writeString(ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)")
        } else {
            self.writeStaticString("-")
        }
    }

    /// Writes a time in milliseconds with three decimals, as `4.120 ms`.
    public mutating func writeMilliseconds(_ time: TimeAmount) {
        let microseconds = time.nanoseconds / 1000
        self.writeString("\(microseconds / 1000).\(String(microseconds % 1000 + 1000).dropFirst()) ms")
    }
}
