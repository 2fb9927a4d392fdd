/// Where in the source something was asked for. Costs nothing: both parts are constants of the program.
public struct CallSite: Sendable, CustomStringConvertible {
    /// `#fileID` of the call.
    public let file: StaticString
    /// `#line` of the call.
    public let line: UInt32

    /// The place of the call, unless given.
    @inlinable
    public init(file: StaticString = #fileID, line: UInt32 = #line) {
        self.file = file
        self.line = line
    }

    /// As compilers write it: `Module/File.swift:12`.
    public var description: String { "\(self.file):\(self.line)" }
}
