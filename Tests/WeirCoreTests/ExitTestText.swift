import Testing

extension ExitTest.Result {
    /// What the process said when it stopped.
    var standardError: String { String(decoding: self.standardErrorContent, as: UTF8.self) }
}
