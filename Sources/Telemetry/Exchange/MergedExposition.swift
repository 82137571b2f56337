// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Records

extension Exposition {
    /// The metrics of many processes as one text, each series with a label `process`.
    /// - Parameter now: milliseconds since 1970, by which the age of the figures goes.
    public static func text(of processes: [ProcessFigures], now: Timestamp) -> Bytes {
        self.text(self.merged(processes, now: now))
    }

    /// The metrics of many processes, each series with a label `process`. A metric that two know as different kinds is
    /// of the first one's kind, and the other's is left out.
    public static func merged(_ processes: [ProcessFigures], now: Timestamp) -> [MetricFamily] {
        var families: [String: MetricFamily] = [:]
        let age = MetricDefinition.figuresAge
        var ages = MetricFamily(name: age.name, kind: age.kind, help: age.help, series: [])
        for (process, label) in zip(processes, self.labels(of: processes)) {
            let own = MetricFamily.Label("process", label)
            ages.series.append(.init([own], .number(Double(max(0, now - process.at)) / 1000)))
            for family in process.metrics where family.name != age.name {
                guard families[family.name].map({ $0.kind == family.kind }) ?? true else { continue }
                let series = family.series.map { MetricFamily.Series([own] + $0.labels, $0.value) }
                families[
                    family.name,
                    default: MetricFamily(
                        name: family.name, kind: family.kind, help: family.help, series: [])
                ].series += series
            }
        }
        if !ages.series.isEmpty { families[age.name] = ages }
        return families.values.sorted { $0.name < $1.name }
    }

    /// A label for each process. Where two would have the same, as two containers of one name may, the instance tells
    /// them apart.
    static func labels(of processes: [ProcessFigures]) -> [String] {
        let counts = processes.reduce(into: [:]) { $0[$1.identity.label, default: 0] += 1 }
        return processes.map { process in
            let label = process.identity.label
            return counts[label] == 1 ? label : "\(label)/\(process.identity.instance)"
        }
    }
}
