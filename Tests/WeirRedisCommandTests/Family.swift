import Testing

/// The families of commands, each with a script that uses every command of it.
enum Family: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case strings, bits, keys, sorting, hashes, lists, blockingLists, sets, sortedSets, sortedSetRanges, streams, streamGroups, geo
    case hyperLogLogs, scripts, functions, publishing, server, diagnosis, clients, users, byParts

    var testDescription: String { self.rawValue }

    func script() -> Script {
        var script = Script()
        switch self {
        case .strings: script.strings()
        case .bits: script.bits()
        case .keys: script.keys()
        case .sorting: script.sorting()
        case .hashes: script.hashes()
        case .lists: script.lists()
        case .blockingLists: script.blockingLists()
        case .sets: script.sets()
        case .sortedSets: script.sortedSets()
        case .sortedSetRanges: script.sortedSetRanges()
        case .streams: script.streams()
        case .streamGroups: script.streamGroups()
        case .geo: script.geo()
        case .hyperLogLogs: script.hyperLogLogs()
        case .scripts: script.scripts()
        case .functions: script.functions()
        case .publishing: script.publishing()
        case .server: script.server()
        case .diagnosis: script.diagnosis()
        case .clients: script.clients()
        case .users: script.users()
        case .byParts: script.byParts()
        }
        return script
    }
}
