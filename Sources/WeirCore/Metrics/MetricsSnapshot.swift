/// The value of one instrument at some moment.
public enum MetricValue: Sendable, Equatable {
    case counter(UInt64)
    case floatingPointCounter(Double)
    case gauge(Int64)
    case lastValue(Double)
    case histogram(HistogramSnapshot)
}

/// One instrument and its value at some moment.
public struct MetricSample: Sendable {
    /// Name, labels, help, kind and unit.
    public let descriptor: MetricDescriptor
    /// The value; its case is the descriptor's kind. Raw, in the descriptor's unit.
    public let value: MetricValue
}

/// All instruments of a registry with their values, sorted by name and then by labels: a list to render or to look into.
public struct MetricsSnapshot: Sendable {
    /// The instruments; those of one name are neighbors.
    public let samples: [MetricSample]

    init(samples: [MetricSample]) {
        self.samples = samples.sorted { a, b in
            if a.descriptor.name != b.descriptor.name { return a.descriptor.name < b.descriptor.name }
            for (x, y) in zip(a.descriptor.labels, b.descriptor.labels) where x != y { return x < y }
            return a.descriptor.labels.count < b.descriptor.labels.count
        }
    }

    /// The value of the instrument of this name that has exactly these labels, in any order; of several kinds, the first.
    ///
    /// - Complexity: O(log instruments) and the instruments of that name.
    public func value(_ name: String, labels: [(String, String)] = []) -> MetricValue? {
        let wanted = labels.sorted { $0 < $1 }
        var lower = 0
        var upper = self.samples.count
        while lower < upper {
            let middle = (lower + upper) / 2
            if self.samples[middle].descriptor.name < name { lower = middle + 1 } else { upper = middle }
        }
        return self.samples[lower...].prefix { $0.descriptor.name == name }.first { sample in
            let found = sample.descriptor.labels.sorted { $0 < $1 }
            return found.count == wanted.count && zip(found, wanted).allSatisfy { $0 == $1 }
        }?.value
    }

    /// The value of a counter; nil when there is none of this name and these labels.
    public func counter(_ name: String, labels: [(String, String)] = []) -> UInt64? {
        if case .counter(let value) = self.value(name, labels: labels) { value } else { nil }
    }

    /// The value of a gauge; nil when there is none of this name and these labels.
    public func gauge(_ name: String, labels: [(String, String)] = []) -> Int64? {
        if case .gauge(let value) = self.value(name, labels: labels) { value } else { nil }
    }

    /// The distribution of a histogram; nil when there is none of this name and these labels.
    public func histogram(_ name: String, labels: [(String, String)] = []) -> HistogramSnapshot? {
        if case .histogram(let value) = self.value(name, labels: labels) { value } else { nil }
    }
}

extension MetricInstrument {
    var sample: MetricSample {
        let value: MetricValue =
            switch self.descriptor.kind {
            case .counter: .counter(self.counterValue)
            case .floatingPointCounter: .floatingPointCounter(self.floatingPointCounterValue)
            case .gauge: .gauge(Int64(bitPattern: self.laneSum))
            case .lastValue: .lastValue(Double(bitPattern: self.spareCells.loadRelaxed()))
            case .histogram: .histogram(self.histogramSnapshot())
            }
        return MetricSample(descriptor: self.descriptor, value: value)
    }
}
