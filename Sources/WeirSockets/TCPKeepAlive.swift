package import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Has the operating system ask a silent peer whether it is there (RFC 9293, section 3.8.4): what notices a link that is dead while a
/// command waits without a deadline, when a `PING` of ours would only wait behind it.
package struct TCPKeepAlive {
    /// How often it is asked, a third of the silence apart, before the connection is given up.
    package static let probes = 3
    /// What Linux takes at most, in seconds.
    private static let longest: Int64 = 32_767

    package let options: [(option: ChannelOptions.Types.SocketOption, value: Int)]

    /// - Parameter silence: after which it is asked; in whole seconds, from 1 to 32,767.
    package init(after silence: TimeAmount) {
        let seconds = Int(min(max(silence.nanoseconds / 1_000_000_000, 1), Self.longest))
        #if canImport(Darwin)
            let idle = TCP_KEEPALIVE
        #else
            let idle = TCP_KEEPIDLE
        #endif
        self.options = [
            (.socketOption(.so_keepalive), 1),
            (.tcpOption(.init(rawValue: idle)), seconds),
            (.tcpOption(.init(rawValue: TCP_KEEPINTVL)), max(1, seconds / 3)),
            (.tcpOption(.init(rawValue: TCP_KEEPCNT)), Self.probes),
        ]
    }
}
