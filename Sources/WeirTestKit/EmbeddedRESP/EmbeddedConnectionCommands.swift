import NIOCore
import WeirRESP

/// Commands about the connection and the server.
extension EmbeddedCommand {
    static var connectionCommands: [String: EmbeddedCommand] {
        [
            "ping": EmbeddedCommand(-1) { arguments, connection in
                switch arguments.count {
                case 1: connection.simple("PONG")
                case 2: connection.string(arguments[1])
                default: connection.error("ERR wrong number of arguments for 'ping' command")
                }
            },
            "echo": EmbeddedCommand(2) { arguments, connection in connection.string(arguments[1]) },
            "quit": EmbeddedCommand(-1, needsNoAuthentication: true) { _, connection in
                connection.ok()
                connection.closeAfterReplies()
            },
            "reset": EmbeddedCommand(1, needsNoAuthentication: true) { _, connection in
                connection.version = .resp2
                connection.name = ByteBuffer()
                connection.isAuthenticated = connection.core.configuration.password == nil
                connection.simple("RESET")
            },
            "select": EmbeddedCommand(2) { arguments, connection in
                switch arguments.integer(1) {
                case nil: connection.error("ERR value is not an integer or out of range")
                case 0: connection.ok()
                default: connection.error("ERR DB index is out of range")
                }
            },
            "auth": EmbeddedCommand(-2, needsNoAuthentication: true) { arguments, connection in
                guard arguments.count <= 3 else {
                    connection.error("ERR syntax error")
                    return
                }
                let user = arguments.count == 3 ? String(buffer: arguments[1]) : nil
                if self.authenticate(user: user, password: arguments[arguments.count - 1], connection) { connection.ok() }
            },
            "hello": EmbeddedCommand(-1, needsNoAuthentication: true) { arguments, connection in self.hello(arguments, connection) },
            "client": EmbeddedCommand(-2) { arguments, connection in self.client(arguments, connection) },
            "info": EmbeddedCommand(-1) { _, connection in
                let text = self.information(connection.core)
                connection.value(
                    connection.version == .resp3 ? .verbatimString(ByteBuffer(string: "txt:" + text)) : .bulk(text))
            },
            "command": EmbeddedCommand(-1) { arguments, connection in
                // Clients ask for it when they start, and live with knowing nothing.
                if arguments.count > 1, arguments.word(1) == "COUNT" { connection.integer(0) } else { connection.array(count: 0) }
            },
        ]
    }

    /// True if it did; an error was answered otherwise.
    private static func authenticate(user: String?, password: ByteBuffer, _ connection: EmbeddedRESPConnection) -> Bool {
        let configuration = connection.core.configuration
        guard let expected = configuration.password else {
            if user == nil {
                connection.error(
                    "ERR AUTH <password> called without any password configured for the default user. "
                        + "Are you sure your configuration is correct?")
                return false
            }
            guard user == configuration.user else {
                connection.error("WRONGPASS invalid username-password pair or user is disabled.")
                return false
            }
            return true
        }
        guard user ?? configuration.user == configuration.user, String(buffer: password) == expected else {
            connection.error("WRONGPASS invalid username-password pair or user is disabled.")
            return false
        }
        connection.isAuthenticated = true
        return true
    }

    private static func hello(_ arguments: EmbeddedArguments, _ connection: EmbeddedRESPConnection) {
        var version = connection.version
        var name: ByteBuffer?
        if arguments.count > 1 {
            guard let number = arguments.integer(1) else {
                connection.error("ERR Protocol version is not an integer or out of range")
                return
            }
            guard let known = RESPVersion(rawValue: number) else {
                connection.error("NOPROTO unsupported protocol version")
                return
            }
            version = known
            var index = 2
            while index < arguments.count {
                let left = arguments.count - index - 1
                switch arguments.word(index) {
                case "AUTH" where left >= 2:
                    let user = String(buffer: arguments[index + 1])
                    guard self.authenticate(user: user, password: arguments[index + 2], connection) else { return }
                    index += 3
                case "SETNAME" where left >= 1:
                    name = arguments[index + 1]
                    index += 2
                default:
                    connection.error("ERR Syntax error in HELLO option '\(String(buffer: arguments[index]))'")
                    return
                }
            }
        }
        guard connection.isAuthenticated else {
            connection.error(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
                    + "<pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
            return
        }
        connection.version = version
        if let name { connection.name = ByteBuffer(bytes: name.readableBytesView) }
        let fields: [(String, RESPValue)] = [
            ("server", .bulk("weir-embedded")), ("version", .bulk("0")), ("proto", .integer(Int64(version.rawValue))),
            ("id", .integer(Int64(connection.identifier))), ("mode", .bulk("standalone")), ("role", .bulk("master")),
            ("modules", .array([])),
        ]
        connection.value(.map(fields.map { RESPMapEntry(key: .bulk($0.0), value: $0.1) }))
    }

    private static func client(_ arguments: EmbeddedArguments, _ connection: EmbeddedRESPConnection) {
        let subcommand = arguments.word(1)
        let counts = ["ID": 2, "GETNAME": 2, "SETNAME": 3, "SETINFO": 4]
        guard let count = counts[subcommand] else {
            connection.error("ERR unknown subcommand '\(String(buffer: arguments[1]))'. Try CLIENT HELP.")
            return
        }
        guard arguments.count == count else {
            connection.error("ERR wrong number of arguments for 'client|\(subcommand.lowercased())' command")
            return
        }
        switch subcommand {
        case "ID":
            connection.integer(connection.identifier)
        case "GETNAME":
            connection.string(connection.name.readableBytes > 0 ? connection.name : nil)
        case "SETNAME":
            guard arguments[2].readableBytesView.allSatisfy({ (33...126).contains($0) }), arguments[2].readableBytes <= 1024 else {
                connection.error("ERR Client names cannot contain spaces, newlines or special characters.")
                return
            }
            connection.name = ByteBuffer(bytes: arguments[2].readableBytesView)
            connection.ok()
        default:
            connection.ok()
        }
    }

    private static func information(_ core: EmbeddedRESPCore) -> String {
        """
        # Server\r
        server_name:weir-embedded\r
        server_note:in-process server of WeirTestKit, not Redis; strings, counters and expiry only, nothing is persisted\r
        redis_mode:standalone\r
        uptime_in_seconds:\((core.loop.now - core.started).nanoseconds / 1_000_000_000)\r
        \r
        # Clients\r
        connected_clients:\(core.connections.count)\r
        maxclients:\(core.configuration.maximumConnections)\r
        \r
        # Memory\r
        used_memory:\(core.store.memory)\r
        maxmemory:\(core.configuration.maximumMemory)\r
        maxmemory_policy:noeviction\r
        \r
        # Stats\r
        total_connections_received:\(core.lastConnection)\r
        total_commands_processed:\(core.commandsProcessed)\r
        \r
        # Keyspace\r
        db0:keys=\(core.store.count)\r

        """
    }
}
