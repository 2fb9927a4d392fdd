extension String {
    /// Appends a number with zeros before it, to so many digits at least.
    mutating func appendPadded(_ value: some BinaryInteger, digits: Int) {
        let text = String(value)
        for _ in 0..<max(0, digits - text.utf8.count) { self.append("0") }
        self.append(text)
    }

    /// Appends the last hexadecimal digits of a number, in lower case.
    mutating func appendHexadecimal(_ value: UInt64, digits: Int) {
        let text = String(value, radix: 16)
        for _ in 0..<max(0, digits - text.utf8.count) { self.append("0") }
        self.append(text)
    }

    /// Appends a point and the millionths, without the zeros at their end; nothing for zero.
    mutating func appendMicroseconds(_ microseconds: Int) {
        guard microseconds != 0 else { return }
        var (value, digits) = (microseconds, 6)
        while value % 10 == 0 {
            value /= 10
            digits -= 1
        }
        self.append(".")
        self.appendPadded(value, digits: digits)
    }
}
