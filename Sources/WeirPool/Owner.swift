/// Who holds a lease: a static name and a number, such as `Owner("checkout", requestID)`.
///
/// Two owners are the same if both parts are: `Owner("a")` and `Owner("a:b")` are two, and so are numbers 1 and 2 of one name.
/// Nothing is allocated, hashed or interned when one is made or stored.
public struct Owner: Sendable, CustomStringConvertible {
    /// The part of the program that holds the lease.
    public let name: StaticString
    /// Which of its users it is, such as the number of a connection or request.
    public let number: UInt64

    /// - Parameters:
    ///   - name: the part of the program; a literal, so that nothing is copied or counted.
    ///   - number: which of its users.
    @inlinable
    public init(_ name: StaticString, _ number: UInt64 = 0) {
        self.name = name
        self.number = number
    }

    /// Nobody in particular.
    @inlinable
    public static var none: Owner { Owner("") }

    /// The name, and `#` and the number unless that is 0.
    public var description: String { self.number == 0 ? "\(self.name)" : "\(self.name)#\(self.number)" }
}

extension Owner: Hashable {
    /// Whether both parts are the same: by the name's text, wherever the literals stand.
    public static func == (left: Owner, right: Owner) -> Bool {
        left.number == right.number && left.name.hasEqualText(as: right.name)
    }

    /// Hashes the name's text and the number.
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
