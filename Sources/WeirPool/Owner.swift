/// Who holds a lease: a static name and a number, such as `Owner("checkout", requestID)`.
///
/// Two owners are the same if both parts are: `Owner("a")` and `Owner("a:b")` are two, and so are numbers 1 and 2 of one name.
/// Nothing is allocated, hashed or interned when one is made or stored.
public struct Owner: Sendable, CustomStringConvertible {
    /// The part of the program that holds the lease.
    public let name: StaticString
    /// Which of its users it is, such as the number of a connection or request.
    public let number: UInt64

    @inlinable
    public init(_ name: StaticString, _ number: UInt64 = 0) {
        self.name = name
        self.number = number
    }

    /// Nobody in particular.
    @inlinable
    public static var none: Owner { Owner("") }

    public var description: String { self.number == 0 ? "\(self.name)" : "\(self.name)#\(self.number)" }
}

extension Owner: Hashable {
    public static func == (left: Owner, right: Owner) -> Bool {
        left.number == right.number && left.name.hasEqualText(as: right.name)
    }

    public func hash(into hasher: inout Hasher) {
        self.name.withUTF8Buffer { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(self.number)
    }
}

extension StaticString {
    func hasEqualText(as other: StaticString) -> Bool {
        self.withUTF8Buffer { left in other.withUTF8Buffer { right in left.elementsEqual(right) } }
    }
}

/// Where in the source something was asked for. Costs nothing: both parts are constants of the program.
public struct CallSite: Sendable, CustomStringConvertible {
    /// `#fileID` of the call.
    public let file: StaticString
    /// `#line` of the call.
    public let line: UInt32

    @inlinable
    public init(file: StaticString = #fileID, line: UInt32 = #line) {
        self.file = file
        self.line = line
    }

    public var description: String { "\(self.file):\(self.line)" }
}
