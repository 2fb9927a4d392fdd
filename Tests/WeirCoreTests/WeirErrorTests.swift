import Testing
import WeirCore

/// The conventions that every error of the toolkit gets for nothing.
@Suite struct WeirErrorTests {
    private struct SampleError: WeirError {
        struct Code: Hashable, Sendable, CustomStringConvertible {
            let description: String
            static let broken = Code(description: "broken")
        }

        let code: Code
        let message: String
        var cause: (any Error)?
    }

    private struct Secret: Error, CustomStringConvertible, CustomDebugStringConvertible {
        var description: String { "shown" }
        var debugDescription: String { "password=hunter2" }
    }

    @Test func withoutACause() {
        let error = SampleError(code: .broken, message: "the thing does not work")
        #expect(error.shortDescription == "broken")
        #expect(error.description == "SampleError.broken: the thing does not work")
        #expect(error.debugDescription == error.description)
        #expect("\(error)" == error.description)
        #expect(String(reflecting: error) == error.debugDescription)
    }

    /// What may be shown to anyone says nothing of the layers below; what is for us is complete.
    @Test func aCauseIsInTheDebugDescriptionOnly() {
        let error = SampleError(code: .broken, message: "the thing does not work", cause: Secret())
        #expect(error.shortDescription == "broken")
        #expect(error.description == "SampleError.broken: the thing does not work")
        #expect(error.debugDescription == "SampleError.broken: the thing does not work (cause: password=hunter2)")
        let outer = SampleError(code: .broken, message: "outside", cause: error)
        #expect(outer.debugDescription == "SampleError.broken: outside (cause: \(error.debugDescription))")
    }

    @Test func anErrorIsFoundByItsCode() throws {
        let error: any Error = SampleError(code: .broken, message: "")
        let weir = try #require(error as? any WeirError)
        #expect(weir.shortDescription == "broken")
        #expect((error as? SampleError)?.code == .broken)
    }

    @Test func ofTheLedgerAndOfMetrics() throws {
        let error = #expect(throws: PermitLedgerError.self) { try PermitLedger(limit: 1, loops: 2) { _, _ in } }
        #expect(error?.shortDescription == "limitBelowFloors")
        #expect(error?.description.hasPrefix("PermitLedgerError.limitBelowFloors: a limit of 1") == true)
        #expect(error?.cause == nil)
        #expect(MetricsError.Code.feedback.description == "feedback")
    }
}
