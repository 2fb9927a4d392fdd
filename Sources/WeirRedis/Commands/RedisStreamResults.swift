public import NIOCore
import WeirRESP

/// An entry of a stream.
public struct RedisStreamEntry: Hashable, Sendable {
    /// Its name.
    public var id: RedisStreamID
    /// What it holds, in the order in which it was given; none if it was deleted.
    public var fields: [RedisField]
    /// It is pending in a group, but the stream has it no more.
    public var isDeleted: Bool

    /// An entry of these fields.
    public init(id: RedisStreamID, fields: [RedisField], isDeleted: Bool = false) {
        self.id = id
        self.fields = fields
        self.isDeleted = isDeleted
    }

    /// The value of the first field of this name.
    public subscript(name: some RedisArgument) -> ByteBuffer? {
        let name = name.redisArgument
        return self.fields.first { $0.name == name }?.value
    }
}

/// What was read from one stream.
public struct RedisStreamEntries: Hashable, Sendable {
    /// The stream's key.
    public var key: ByteBuffer
    /// What was read, oldest first.
    public var entries: [RedisStreamEntry]

    /// What was read from this stream.
    public init(key: ByteBuffer, entries: [RedisStreamEntry]) {
        self.key = key
        self.entries = entries
    }
}

/// What a group has handed out and heard nothing of.
public struct RedisPendingSummary: Hashable, Sendable {
    /// How many entries.
    public var count: Int
    /// The oldest, nil without any.
    public var first: RedisStreamID?
    /// The newest, nil without any.
    public var last: RedisStreamID?
    /// How many each consumer has that has any.
    public var consumers: [ByteBuffer: Int]

    @Sendable init(_ frame: RESPFrame) throws {
        let parts = try RedisReplies.tuple(frame, atLeast: 4)
        self.count = try RedisReplies.integer(parts[0])
        self.first = parts[1].isNull ? nil : try RedisReplies.streamID(parts[1])
        self.last = parts[2].isNull ? nil : try RedisReplies.streamID(parts[2])
        // The counts come as strings.
        let consumers =
            parts[3].isNull ? [] : try RedisReplies.pairs(parts[3], key: RedisReplies.bytes, value: RedisReplies.writtenInteger)
        self.consumers = Dictionary(consumers.map { ($0.key, $0.value) }) { $1 }
    }
}

/// An entry that a consumer was given and has not acknowledged.
public struct RedisPendingEntry: Hashable, Sendable {
    /// The entry's name.
    public var id: RedisStreamID
    /// Who has it.
    public var consumer: ByteBuffer
    /// For how long.
    public var idle: TimeAmount
    /// How often it was handed out.
    public var deliveries: Int

    @Sendable init(_ frame: RESPFrame) throws {
        let parts = try RedisReplies.tuple(frame, atLeast: 4)
        self.id = try RedisReplies.streamID(parts[0])
        self.consumer = try RedisReplies.bytes(parts[1])
        self.idle = try RedisReplies.milliseconds(parts[2])
        self.deliveries = try RedisReplies.integer(parts[3])
    }
}

/// What `XAUTOCLAIM` has got.
public struct RedisAutoClaim<Element: Sendable>: Sendable {
    /// Where to go on; ``RedisStreamID/zero`` when there is nothing more.
    public var next: RedisStreamID
    /// What the consumer has now: entries, or their names.
    public var claimed: [Element]
    /// What was pending and is pending no more, as the stream has it no more. Empty before Redis 7.0.
    public var deleted: [RedisStreamID]

    init(_ frame: RESPFrame, _ claimed: (RESPFrame) throws -> [Element]) throws {
        let parts = try RedisReplies.tuple(frame, atLeast: 2)
        self.next = try RedisReplies.streamID(parts[0])
        self.claimed = try claimed(parts[1])
        self.deleted = parts.count > 2 ? try RedisReplies.streamIDs(parts[2]) : []
    }
}

extension RedisAutoClaim: Equatable where Element: Equatable {}

/// What the server knows of a stream.
public struct RedisStreamInfo: Hashable, Sendable {
    /// How many entries it has.
    public var length: Int
    /// How many groups read it.
    public var groups: Int
    /// The highest name it has given.
    public var lastGeneratedID: RedisStreamID
    /// How many entries it ever had. Redis 7.0.
    public var entriesAdded: Int?
    /// The highest name that was deleted. Redis 7.0.
    public var maximumDeletedID: RedisStreamID?
    /// The oldest entry.
    public var first: RedisStreamEntry?
    /// The newest entry.
    public var last: RedisStreamEntry?

    @Sendable init(_ frame: RESPFrame) throws {
        let record = try RedisRecord(frame)
        self.length = try record.value("length", RedisReplies.integer)
        self.groups = try record.value("groups", RedisReplies.integer)
        self.lastGeneratedID = try record.value("last-generated-id", RedisReplies.streamID)
        self.entriesAdded = try record.optional("entries-added", RedisReplies.integer)
        self.maximumDeletedID = try record.optional("max-deleted-entry-id", RedisReplies.streamID)
        self.first = try record.optional("first-entry", RedisReplies.streamEntry)
        self.last = try record.optional("last-entry", RedisReplies.streamEntry)
    }
}

/// What the server knows of a group of consumers.
public struct RedisStreamGroupInfo: Hashable, Sendable {
    /// Its name.
    public var name: ByteBuffer
    /// How many consumers it has.
    public var consumers: Int
    /// How many entries are not acknowledged.
    public var pending: Int
    /// The newest entry that was handed out.
    public var lastDeliveredID: RedisStreamID
    /// How many entries were handed out, if the server can tell. Redis 7.0.
    public var entriesRead: Int?
    /// How many entries are still to be handed out, if the server can tell. Redis 7.0.
    public var lag: Int?

    @Sendable init(_ frame: RESPFrame) throws {
        let record = try RedisRecord(frame)
        self.name = try record.value("name", RedisReplies.bytes)
        self.consumers = try record.value("consumers", RedisReplies.integer)
        self.pending = try record.value("pending", RedisReplies.integer)
        self.lastDeliveredID = try record.value("last-delivered-id", RedisReplies.streamID)
        self.entriesRead = try record.optional("entries-read", RedisReplies.integer)
        self.lag = try record.optional("lag", RedisReplies.integer)
    }
}

/// What the server knows of a consumer.
public struct RedisStreamConsumerInfo: Hashable, Sendable {
    /// Its name.
    public var name: ByteBuffer
    /// How many entries it has not acknowledged.
    public var pending: Int
    /// For how long it has asked for nothing.
    public var idle: TimeAmount
    /// For how long it has got nothing. Redis 7.2.
    public var inactive: TimeAmount?

    @Sendable init(_ frame: RESPFrame) throws {
        let record = try RedisRecord(frame)
        self.name = try record.value("name", RedisReplies.bytes)
        self.pending = try record.value("pending", RedisReplies.integer)
        self.idle = try record.value("idle", RedisReplies.milliseconds)
        self.inactive = try record.optional("inactive", RedisReplies.milliseconds)
    }
}

extension RedisReplies {
    @Sendable static func streamID(_ frame: RESPFrame) throws -> RedisStreamID {
        guard let id = RedisStreamID(try self.string(frame)) else { throw self.unexpected(frame, "the name of an entry") }
        return id
    }

    @Sendable static func optionalStreamID(_ frame: RESPFrame) throws -> RedisStreamID? {
        if frame.isNull { return nil }
        return try self.streamID(frame)
    }

    @Sendable static func streamIDs(_ frame: RESPFrame) throws -> [RedisStreamID] { try self.list(frame, of: self.streamID) }

    @Sendable static func streamEntry(_ frame: RESPFrame) throws -> RedisStreamEntry {
        let parts = try self.tuple(frame, atLeast: 2)
        let id = try self.streamID(parts[0])
        if parts[1].isNull { return RedisStreamEntry(id: id, fields: [], isDeleted: true) }
        return RedisStreamEntry(id: id, fields: try self.fields(parts[1]))
    }

    /// Entries; null in place of one that was deleted, as servers before 7.0 have it, is left out.
    @Sendable static func streamEntries(_ frame: RESPFrame) throws -> [RedisStreamEntry] {
        try self.list(frame) { $0.isNull ? nil : try self.streamEntry($0) }.compactMap { $0 }
    }

    /// Streams with their entries; none for null.
    @Sendable static func streams(_ frame: RESPFrame) throws -> [RedisStreamEntries] {
        if frame.isNull { return [] }
        return try self.pairs(frame, key: self.bytes, value: self.streamEntries).map { RedisStreamEntries(key: $0.key, entries: $0.value) }
    }
}
