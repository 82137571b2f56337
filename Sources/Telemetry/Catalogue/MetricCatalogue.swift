// SPDX-License-Identifier: Apache-2.0

/// The list of all metrics that this program exports; `ops/metrics.md` is made of it.
///
/// `_total` counts this process alone, from its start. Counts since ever are committed with the offsets and move with a
/// partition, so they are gauges.
public enum MetricCatalogue {
    /// A part of the catalogue.
    public struct Section: Sendable {
        /// The subject.
        public let title: String
        /// Its metrics.
        public let metrics: [MetricDefinition]
    }

    /// The catalogue by subject.
    public static let sections = [
        Section(title: "Process", metrics: Self.process),
        Section(title: "Stages", metrics: Self.stages),
        Section(title: "Log", metrics: Self.log),
        Section(title: "Shards", metrics: Self.shards),
        Section(title: "Ingest", metrics: Self.ingest),
        Section(title: "Model calls", metrics: Self.models),
        Section(title: "Trainers", metrics: Self.trainers),
        Section(title: "Status server", metrics: Self.server),
    ]

    /// All metrics.
    public static let all = Self.sections.flatMap(\.metrics)

    private static let byName = Dictionary(uniqueKeysWithValues: Self.all.map { ($0.name, $0) })

    /// The definition of a metric; `nil` for one that is not ours.
    public static func definition(of name: String) -> MetricDefinition? { Self.byName[name] }

    /// The bounds of a histogram that the catalogue does not know: from a millisecond to minutes.
    static let defaultBounds = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
    ]

    /// The catalogue as a document: `ops/metrics.md`.
    public static var markdown: String {
        var lines = [
            "# Metrics", "",
            "Made from the catalogue in the code by `millrace serve --list-metrics`; a test compares the two.", "",
            "- `_total` counts one process from its start. Counts since ever are committed with the offsets, move with a",
            "  partition, and are gauges: add them up over processes.",
            "- `millrace serve` adds the label `process` (`HOST:PID`); the dead vanish.",
            "- Lag in offsets is no count of records: offsets have gaps. Alerts use the age of the oldest record in seconds.",
            "- A metric has at most 1,000 combinations of labels; what comes after is counted under `other`, and by",
            "  `millrace_metrics_series_refused_total`.", "",
        ]
        for section in self.sections {
            lines += [
                "## \(section.title)", "", "| metric | kind | unit | labels | meaning |", "|---|---|---|---|---|",
            ]
            for metric in section.metrics {
                let labels = metric.labels.map { "`\($0)`" }.joined(separator: " ")
                lines.append(
                    "| `\(metric.name)` | \(metric.kind.rawValue) | \(metric.unit) | \(labels.isEmpty ? "–" : labels) "
                        + "| \(metric.help) |")
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }
}
