public import NIOCore
import WeirRESP

/// A place on Earth, in degrees.
public struct RedisGeoPosition: Hashable, Sendable {
    /// From -180 to 180, east being positive.
    public var longitude: Double
    /// From -85.05112878 to 85.05112878, north being positive.
    public var latitude: Double

    /// A place.
    public init(longitude: Double, latitude: Double) {
        self.longitude = longitude
        self.latitude = latitude
    }

    @Sendable init(_ frame: RESPFrame) throws {
        let parts = try RedisReplies.tuple(frame, atLeast: 2)
        self.init(longitude: try RedisReplies.double(parts[0]), latitude: try RedisReplies.double(parts[1]))
    }
}

/// A length on Earth.
public enum RedisGeoUnit: String, Sendable, Hashable, CaseIterable {
    /// Metres.
    case meters = "m"
    /// Kilometres.
    case kilometers = "km"
    /// Feet.
    case feet = "ft"
    /// Miles.
    case miles = "mi"
}

/// Which places are looked for.
public struct RedisGeoArea: Sendable, Hashable {
    /// What is in the middle.
    public enum Center: Sendable, Hashable {
        /// A member.
        case member(ByteBuffer)
        /// A place.
        case position(RedisGeoPosition)
    }

    private enum Shape: Sendable, Hashable {
        case circle(radius: Double)
        case box(width: Double, height: Double)
    }

    private var center: Center
    private var shape: Shape
    /// Of the lengths, also of those in the reply.
    private var unit: RedisGeoUnit

    /// All that is no further away.
    public static func circle(around center: Center, radius: Double, _ unit: RedisGeoUnit) -> RedisGeoArea {
        RedisGeoArea(center: center, shape: .circle(radius: radius), unit: unit)
    }

    /// A box with the center in its middle, along the meridians.
    public static func box(around center: Center, width: Double, height: Double, _ unit: RedisGeoUnit) -> RedisGeoArea {
        RedisGeoArea(center: center, shape: .box(width: width, height: height), unit: unit)
    }

    func add(to list: inout RedisArgumentList) {
        switch self.center {
        case .member(let member): list.option("FROMMEMBER", member)
        case .position(let position):
            list.word("FROMLONLAT")
            list.add(position.longitude, position.latitude)
        }
        switch self.shape {
        case .circle(let radius):
            list.word("BYRADIUS")
            list.add(radius)
        case .box(let width, let height):
            list.word("BYBOX")
            list.add(width, height)
        }
        list.add(self.unit.rawValue)
    }
}

/// Which of the places that were found are replied with, and in which order.
public struct RedisGeoSelection: Sendable, Hashable {
    /// An order by distance.
    public enum Order: Sendable, Hashable {
        /// The nearest first.
        case nearestFirst
        /// The farthest first.
        case farthestFirst
    }

    /// No order unless set; with a count, the nearest first.
    public var order: Order?
    /// At most so many.
    public var count: Int?
    /// With a count: any, in place of the nearest, which is less work.
    public var takesAny: Bool

    /// Replies with these.
    public init(_ order: Order? = nil, count: Int? = nil, takesAny: Bool = false) {
        self.order = order
        self.count = count
        self.takesAny = takesAny
    }

    func add(to list: inout RedisArgumentList) {
        if let order { list.word(order == .nearestFirst ? "ASC" : "DESC") }
        list.option("COUNT", self.count)
        list.word("ANY", if: self.takesAny && self.count != nil)
    }
}

/// A place that was found.
public struct RedisGeoMatch: Hashable, Sendable {
    /// The member.
    public var member: ByteBuffer
    /// How far from the center, in the unit that was asked for.
    public var distance: Double
    /// Where it is, as precisely as the server knows.
    public var position: RedisGeoPosition

    @Sendable init(_ frame: RESPFrame) throws {
        let parts = try RedisReplies.tuple(frame, atLeast: 3)
        self.member = try RedisReplies.bytes(parts[0])
        self.distance = try RedisReplies.double(parts[1])
        self.position = try RedisGeoPosition(parts[2])
    }
}

/// Places, in sorted sets.
extension RedisCommand {
    /// `GEOADD key longitude latitude member…`: how many members are new.
    ///
    /// - Parameters:
    ///   - condition: only new ones, or only those that are there. Redis 6.2.
    ///   - countsChanges: replies with how many were changed in place of how many are new. Redis 6.2.
    public static func geoadd<Member: RedisArgument>(
        _ key: some RedisArgument, _ members: some Sequence<(key: Member, value: RedisGeoPosition)>, _ condition: RedisCondition? = nil,
        countsChanges: Bool = false
    ) -> RedisCommand where Reply == Int {
        RedisCommand("GEOADD", keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            if let condition { $0.word(condition.word) }
            $0.word("CH", if: countsChanges)
            for (member, position) in members { $0.add(position.longitude, position.latitude, member) }
        }
    }

    /// `GEOPOS key member…`: where each is, in their order, nil for those that are not there.
    public static func geopos(_ key: some RedisArgument, _ members: [some RedisArgument]) -> RedisCommand
    where Reply == [RedisGeoPosition?] {
        RedisCommand("GEOPOS", keys: .first, decode: { try RedisReplies.list($0) { $0.isNull ? nil : try RedisGeoPosition($0) } }) {
            $0.add(key)
            $0.all(members)
        }
    }

    /// `GEODIST key member member`: how far they are apart, nil if one is not there.
    public static func geodist(
        _ key: some RedisArgument, _ first: some RedisArgument, _ second: some RedisArgument, _ unit: RedisGeoUnit = .meters
    ) -> RedisCommand where Reply == Double? {
        RedisCommand("GEODIST", keys: .first, decode: RedisReplies.optionalDouble) { $0.add(key, first, second, unit.rawValue) }
    }

    /// `GEOHASH key member…`: each as a geohash of 11 characters, in their order, nil for those that are not there.
    public static func geohash(_ key: some RedisArgument, _ members: [some RedisArgument]) -> RedisCommand where Reply == [String?] {
        RedisCommand("GEOHASH", keys: .first, decode: { try RedisReplies.list($0, of: RedisReplies.optionalString) }) {
            $0.add(key)
            $0.all(members)
        }
    }

    /// `GEOSEARCH key`: the members in an area. Redis 6.2.
    public static func geosearch(_ key: some RedisArgument, _ area: RedisGeoArea, _ selection: RedisGeoSelection = RedisGeoSelection())
        -> RedisCommand where Reply == [ByteBuffer]
    {
        RedisCommand("GEOSEARCH", keys: .first, decode: RedisReplies.bytesList) {
            $0.add(key)
            area.add(to: &$0)
            selection.add(to: &$0)
        }
    }

    /// `GEOSEARCH key WITHDIST WITHCOORD`: the members in an area, where they are and how far away. Redis 6.2.
    public static func geosearchMatches(
        _ key: some RedisArgument, _ area: RedisGeoArea, _ selection: RedisGeoSelection = RedisGeoSelection()
    ) -> RedisCommand where Reply == [RedisGeoMatch] {
        RedisCommand("GEOSEARCH", keys: .first, decode: { try RedisReplies.list($0, of: RedisGeoMatch.init) }) {
            $0.add(key)
            area.add(to: &$0)
            selection.add(to: &$0)
            $0.add("WITHDIST", "WITHCOORD")
        }
    }

    /// `GEOSEARCHSTORE destination key`: how many members the destination has then. Redis 6.2.
    ///
    /// - Parameter storesDistances: the scores are distances in place of places.
    public static func geosearchstore(
        _ key: some RedisArgument, _ area: RedisGeoArea, _ selection: RedisGeoSelection = RedisGeoSelection(),
        in destination: some RedisArgument, storesDistances: Bool = false
    ) -> RedisCommand where Reply == Int {
        RedisCommand("GEOSEARCHSTORE", keys: .firstTwo, decode: RedisReplies.integer) {
            $0.add(destination, key)
            area.add(to: &$0)
            selection.add(to: &$0)
            $0.word("STOREDIST", if: storesDistances)
        }
    }

    // MARK: As before Redis 6.2

    /// `GEORADIUS` or `GEORADIUSBYMEMBER key WITHDIST WITHCOORD`: the members that are no further away from the center, where they are and
    /// how far away.
    public static func georadius(
        _ key: some RedisArgument, around center: RedisGeoArea.Center, radius: Double, _ unit: RedisGeoUnit,
        _ selection: RedisGeoSelection = RedisGeoSelection()
    ) -> RedisCommand where Reply == [RedisGeoMatch] {
        let arguments = RedisRequest.Arguments.list {
            $0.add(key)
            switch center {
            case .member(let member): $0.add(member)
            case .position(let position): $0.add(position.longitude, position.latitude)
            }
            $0.add(radius, unit.rawValue, "WITHDIST", "WITHCOORD")
            selection.add(to: &$0)
        }
        let decode: @Sendable (RESPFrame) throws -> [RedisGeoMatch] = { try RedisReplies.list($0, of: RedisGeoMatch.init) }
        switch center {
        case .member: return RedisCommand("GEORADIUSBYMEMBER", arguments, keys: .first, decode: decode)
        case .position: return RedisCommand("GEORADIUS", arguments, keys: .first, decode: decode)
        }
    }
}
