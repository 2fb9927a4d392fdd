import NIOCore
import NIOPosix

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

extension Channel {
    /// Closes by a reset: with a linger time of zero the kernel throws away what is unsent and sends RST.
    func closeWithReset() {
        guard let options = self as? any SocketOptionProvider else {
            self.close(promise: nil)
            return
        }
        options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in self.close(promise: nil) }
    }
}
