import WeirPostgresWire

/// What NOTIFY told.
public struct PostgresNotification: Sendable, Hashable {
    /// Where.
    public let channel: String
    /// What; empty unless something was given.
    public let payload: String
    /// The server's process whose session told it.
    public let processID: Int32

    init(_ notification: PostgresBackend.NotificationResponse) {
        self.channel = notification.channel.string
        self.payload = notification.payload.string
        self.processID = notification.processID
    }
}
