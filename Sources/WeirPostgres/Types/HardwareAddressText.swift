extension PostgresTextScanner {
    /// `08:00:2b:…`: so many bytes, eight at most, the first of which becomes the highest.
    mutating func colonSeparatedBytes(_ count: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<count {
            guard index == 0 || self.accept(":" as Unicode.Scalar), let byte = self.hexadecimal(2...2) else { return nil }
            value = value << 8 | byte
        }
        return value
    }
}

extension String {
    mutating func appendColonSeparatedBytes(_ value: UInt64, count: Int) {
        for index in (0..<count).reversed() {
            self.appendHexadecimal(value >> UInt64(8 * index) & 0xFF, digits: 2)
            if index > 0 { self.append(":") }
        }
    }
}
