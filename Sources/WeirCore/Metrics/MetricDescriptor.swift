/// What sort of instrument a metric is, and so what its value means.
public enum MetricKind: Sendable, Hashable, CaseIterable {
    /// A count of events: only grows, wraps modulo 2^64.
    case counter
    /// A sum of non-negative amounts with fractions: only grows.
    case floatingPointCounter
    /// A whole amount that goes up and down, summed over the loops.
    case gauge
    /// The value that was set last, by whichever thread.
    case lastValue
    /// A distribution.
    case histogram
}

/// What one recorded step of a metric is worth, for whoever shows it.
///
/// Cells hold whole numbers ("raw" values). A raw value divided by ``rawPerUnit`` is a value in the unit called ``name``:
/// nanoseconds are recorded raw and shown as seconds, the base unit that monitoring systems ask for.
public struct MetricUnit: Sendable, Hashable, CustomStringConvertible {
    /// The base unit's name in the plural (`seconds`, `bytes`), empty for a plain number.
    public let name: String
    /// Raw steps in one base unit; never zero.
    public let rawPerUnit: UInt64

    /// - Parameters:
    ///   - name: the base unit in the plural, empty for a plain number.
    ///   - rawPerUnit: raw steps in one base unit; zero is taken as one.
    public init(name: String, rawPerUnit: UInt64 = 1) {
        self.name = name
        self.rawPerUnit = max(rawPerUnit, 1)
    }

    /// A plain number of things.
    public static let none = MetricUnit(name: "")
    /// Raw values are nanoseconds.
    public static let nanoseconds = MetricUnit(name: "seconds", rawPerUnit: 1_000_000_000)
    /// Raw values are microseconds.
    public static let microseconds = MetricUnit(name: "seconds", rawPerUnit: 1_000_000)
    /// Raw values are milliseconds.
    public static let milliseconds = MetricUnit(name: "seconds", rawPerUnit: 1000)
    /// Raw values are bytes.
    public static let bytes = MetricUnit(name: "bytes")
    /// Raw values are thousandths of a plain number: fixed point with three decimals.
    public static let thousandths = MetricUnit(name: "", rawPerUnit: 1000)

    /// A raw value in base units.
    public func inBaseUnit(_ raw: UInt64) -> Double { Double(raw) / Double(self.rawPerUnit) }

    /// A raw value with a fraction (a mean, say) in base units.
    public func inBaseUnit(_ raw: Double) -> Double { raw / Double(self.rawPerUnit) }

    public var description: String {
        self.rawPerUnit == 1 ? self.name : "\(self.name)/\(self.rawPerUnit)"
    }
}

/// Who an instrument is and what it means. Immutable.
public struct MetricDescriptor: Sendable {
    /// Who asked for the instrument first.
    public enum Origin: Sendable, Hashable {
        /// Code that called the registry.
        case registry
        /// A library that used swift-metrics through the registry's factory.
        case metricsFactory
    }

    /// The metric's name, as given.
    public let name: String
    /// Label names and values, in the order first given.
    public let labels: [(String, String)]
    /// A sentence for people; may be empty.
    public let help: String
    /// What sort of instrument it is.
    public let kind: MetricKind
    /// What a raw value is worth.
    public let unit: MetricUnit
    /// Who asked for it first.
    public let origin: Origin
}

/// What makes two requests the same instrument: kind, name and the set of labels, whatever their order.
struct MetricKey: Hashable {
    struct Label: Hashable, Comparable {
        let name: String
        let value: String

        static func < (a: Label, b: Label) -> Bool {
            a.name == b.name ? a.value < b.value : a.name < b.name
        }
    }

    let kind: MetricKind
    let name: String
    let labels: [Label]

    init(kind: MetricKind, name: String, labels: [(String, String)]) {
        self.kind = kind
        self.name = name
        var sorted = labels.map { Label(name: $0.0, value: $0.1) }
        if sorted.count > 1 { sorted.sort() }
        self.labels = sorted
    }
}
