// SPDX-License-Identifier: Apache-2.0

import Codecs

extension MetricFamily {
    /// Writes the metric as fields of an open object. Meanings of the catalogue's own are not written: whoever reads
    /// them has a catalogue.
    func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.field("kind", self.kind.rawValue)
        json.list("series", Array(self.series.prefix(MetricRegistry.seriesMax + 1))) { series, json in
            json.key("labels")
            json.beginArray()
            for label in series.labels {
                json.value(label.name)
                json.value(label.value)
            }
            json.endArray()
            switch series.value {
            // JSON has no infinity and no NaN: without its number, the series is none.
            case .number(let number): json.optional("value", number)
            case .histogram(let observations):
                json.key("bounds")
                json.beginArray()
                for bound in observations.bounds { json.value(bound) }
                json.endArray()
                json.key("counts")
                json.beginArray()
                for count in observations.counts { json.value(count) }
                json.endArray()
                json.optional("sum", observations.sum)
            }
        }
    }

    /// Reads a metric. Names are made to fit again: one process's file must not spoil the text of all.
    init?(_ reader: FigureReader) {
        let name = MetricName.metric(reader.text("name"))
        let known = MetricCatalogue.definition(of: name)
        guard let kind = known?.kind ?? MetricDefinition.Kind(rawValue: reader.text("kind")) else { return nil }
        self.init(
            name: name, kind: kind, help: known?.help ?? "",
            series: Self.distinct(
                reader.list("series", max: MetricRegistry.seriesMax + 1) { Series($0, isHistogram: kind == .histogram) }
            ))
        if self.series.isEmpty { return nil }
    }

    /// Of two series with the same labels the first: with both, the whole text would be refused.
    private static func distinct(_ series: [Series]) -> [Series] {
        var seen: Set<[Label]> = []
        return series.filter { seen.insert($0.labels).inserted }
    }
}

extension MetricFamily.Series {
    fileprivate init?(_ reader: FigureReader, isHistogram: Bool) {
        let texts = reader.texts("labels")
        var labels: [MetricFamily.Label] = []
        for index in stride(from: 0, to: texts.count - 1, by: 2) where labels.count < 16 {
            let name = MetricName.label(texts[index])
            if !labels.contains(where: { $0.name == name }) {
                labels.append(.init(name, MetricName.value(texts[index + 1])))
            }
        }
        if isHistogram {
            guard let observations = MetricFamily.Observations(reader) else { return nil }
            self.init(labels, .histogram(observations))
        } else {
            guard let number = reader.optionalNumber("value") else { return nil }
            self.init(labels, .number(number))
        }
    }
}

extension MetricFamily.Observations {
    private static let boundsMax = 100

    fileprivate init?(_ reader: FigureReader) {
        let bounds = reader.numbers("bounds")
        let counts = reader.numbers("counts")
        guard bounds.count <= Self.boundsMax, counts.count == bounds.count + 1,
            zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 })
        else { return nil }
        self.init(bounds: bounds)
        self.counts = counts.map { Int(min(max($0, 0), 0x1p53)) }
        self.sum = reader.number("sum")
    }
}
