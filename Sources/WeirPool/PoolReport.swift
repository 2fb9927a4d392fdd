import Logging
import NIOCore

/// What a pool noticed about the use made of it.
public enum PoolReport: Sendable {
    /// A lease is held for longer than the threshold. Reported once for a lease.
    case leak(pool: String, LeaseInfo, backtrace: String?)
    /// A lease that was reported as leaked came back after all.
    case leakReturned(pool: String, LeaseInfo)
    /// A lease was dropped instead of released. It came back all the same.
    case dropped(pool: String, LeaseInfo)
}

extension Logger {
    /// Logs a report: what needs someone's attention as a warning.
    func report(_ report: PoolReport) {
        func metadata(_ pool: String, _ info: LeaseInfo) -> Logger.Metadata {
            [
                "pool": "\(pool)", "owner": "\(info.owner)", "acquired_at": "\(info.site)",
                "held_ms": "\(info.heldFor.nanoseconds / 1_000_000)",
            ]
        }
        switch report {
        case .leak(let pool, let info, let backtrace):
            var metadata = metadata(pool, info)
            if let backtrace { metadata["backtrace"] = "\(backtrace)" }
            self.warning("a lease is held for longer than the leak threshold", metadata: metadata)
        case .leakReturned(let pool, let info):
            self.info("a lease that was reported as leaked came back", metadata: metadata(pool, info))
        case .dropped(let pool, let info):
            self.warning("a lease was dropped instead of released", metadata: metadata(pool, info))
        }
    }
}
