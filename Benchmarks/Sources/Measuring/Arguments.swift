#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Ends the program with a message on the standard error and the exit code of a wrong call.
public func usage(_ message: String) -> Never {
    var line = message + "\n"
    _ = line.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(2)
}

/// A variable of the environment; nil if it is not set.
public func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// Picks what the first argument names from a table; `list` prints the names.
public func choose<Choice>(_ what: String, from table: [(name: String, choice: Choice)]) -> (name: String, choice: Choice) {
    let name = CommandLine.arguments.dropFirst().first ?? "list"
    if name == "list" {
        for entry in table { print(entry.name) }
        exit(0)
    }
    guard let entry = table.first(where: { $0.name == name }) else {
        usage("no \(what) is called \(name); there are: \(table.map(\.name).joined(separator: " "))")
    }
    return entry
}
