// SPDX-License-Identifier: Apache-2.0

import Codecs
import CoreMetrics
import Testing

@testable import Telemetry

/// The text that Prometheus reads.
@Suite("Exposition")
struct ExpositionTests {
    private static func text(_ registry: MetricRegistry) -> String {
        String(decoding: Exposition.text(registry.snapshot()), as: UTF8.self)
    }

    @Test("Counters, gauges and histograms have the form that version 0.0.4 wants")
    func golden() {
        let registry = MetricRegistry()
        MetricDefinition.stageRejects.counter(
            ["topology": "nlq", "stage": "land", "reason": "too-long"], in: registry
        ).increment(by: 3)
        MetricDefinition.homeFree.gauge(in: registry).set(12.5)
        let seconds = MetricDefinition.trainerVisibleSeconds.histogram(
            ["trainer": "train", "set": "nlq"], in: registry)
        for value in [0.05, 0.051, 2, 1000] { seconds.record(value) }
        #expect(
            Self.text(registry) == """
                # HELP millrace_home_free_bytes Room left on the file system of the home: log, shards and kept answers.
                # TYPE millrace_home_free_bytes gauge
                millrace_home_free_bytes 12.5
                # HELP millrace_stage_rejects_total Rejected values, by reason.
                # TYPE millrace_stage_rejects_total counter
                millrace_stage_rejects_total{topology="nlq",stage="land",reason="too-long"} 3
                # HELP millrace_trainer_visible_seconds Time from the commit of a shard until the trainer sees it.
                # TYPE millrace_trainer_visible_seconds histogram
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="0.05"} 1
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="0.1"} 2
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="0.25"} 2
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="0.5"} 2
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="1"} 2
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="1.5"} 2
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="2"} 3
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="3"} 3
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="5"} 3
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="10"} 3
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="30"} 3
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="60"} 3
                millrace_trainer_visible_seconds_bucket{trainer="train",set="nlq",le="+Inf"} 4
                millrace_trainer_visible_seconds_sum{trainer="train",set="nlq"} 1002.101
                millrace_trainer_visible_seconds_count{trainer="train",set="nlq"} 4

                """)
        #expect(Exposition.contentType == "text/plain; version=0.0.4; charset=utf-8")
    }

    @Test("Label values and numbers are escaped, whatever is in them")
    func escapes() {
        let registry = MetricRegistry()
        let meter = Meter(label: "m", dimensions: [("a", "x\\y\"z\nline\r\u{1b}[2J")], factory: registry)
        meter.set(Double.infinity)
        #expect(
            Self.text(registry) == "# TYPE m gauge\nm{a=\"x\\\\y\\\"z\\nline \u{1b}[2J\"} +Inf\n")
        for (value, text) in [
            (0.0, "0"), (-0.5, "-0.5"), (1e300, "1e+300"), (Double.nan, "NaN"), (-Double.infinity, "-Inf"),
            (9_007_199_254_740_991, "9007199254740991"), (0.1, "0.1"),
        ] { #expect(Exposition.number(value) == text) }
    }

    @Test("Names of others are made to fit, and kept labels are set apart")
    func names() {
        let registry = MetricRegistry()
        Counter(
            label: "http.requests-0", dimensions: [("http.method", "GET"), ("le", "1"), ("process", "p"), ("9", "x")],
            factory: registry
        ).increment()
        #expect(
            Self.text(registry)
                == "# TYPE http_requests_0 counter\n"
                + "http_requests_0{http_method=\"GET\",exported_le=\"1\",exported_process=\"p\",_9=\"x\"} 1\n")
    }

    @Test("A metric has so many series and no more; what comes after is counted under other, and told")
    func cardinality() {
        let registry = MetricRegistry()
        for index in 0..<(MetricRegistry.seriesMax + 50) {
            Counter(label: "calls", dimensions: [("id", "\(index)")], factory: registry).increment()
        }
        let families = registry.snapshot()
        let calls = families.first { $0.name == "calls" }
        #expect(calls?.series.count == MetricRegistry.seriesMax + 1)
        #expect(calls?.sum(["id": "other"]) == 50)
        #expect(families.first { $0.name == MetricDefinition.seriesRefused.name }?.sum(["metric": "calls"]) == 50)
    }

    @Test("A gauge that is given up is gone, a counter goes on, and one kind does not become another")
    func lives() {
        let registry = MetricRegistry()
        let labels = [("p", "1")]
        let meters = [
            Meter(label: "g", dimensions: labels, factory: registry),
            Meter(label: "g", dimensions: labels, factory: registry),
        ]
        meters[0].set(5)
        meters[0].destroy()
        #expect(registry.snapshot().first { $0.name == "g" }?.sum() == 5)
        meters[1].destroy()
        #expect(registry.snapshot().first { $0.name == "g" }?.series.isEmpty ?? true)
        let counter = Counter(label: "c", dimensions: [], factory: registry)
        counter.increment(by: 2)
        counter.destroy()
        Counter(label: "c", dimensions: [], factory: registry).increment()
        #expect(registry.snapshot().first { $0.name == "c" }?.sum() == 3)
        Meter(label: "c", dimensions: [], factory: registry).set(9)
        #expect(registry.snapshot().first { $0.name == "c" }?.sum() == 3)
    }

    @Test("Others' processes are told apart by a label, and one name has one head")
    func merged() {
        var processes: [ProcessFigures] = []
        for (pid, instance) in [(1, "0000000000000001"), (1, "0000000000000002"), (7, "0000000000000003")] {
            let registry = MetricRegistry()
            MetricDefinition.homeFree.gauge(in: registry).set(pid)
            var figures = ProcessFigures(
                .init(instance: instance, role: "run", name: "nlq", host: "h", pid: pid, start: 0), at: 1_000)
            figures.metrics = registry.snapshot()
            processes.append(figures)
        }
        let text = String(decoding: Exposition.text(of: processes, now: 3_500), as: UTF8.self)
        let lines = text.split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("# TYPE millrace_home_free_bytes") } == 1)
        #expect(lines.contains("millrace_home_free_bytes{process=\"h:1/0000000000000001\"} 1"))
        #expect(lines.contains("millrace_home_free_bytes{process=\"h:7\"} 7"))
        #expect(lines.contains("millrace_figures_age_seconds{process=\"h:7\"} 2.5"))
    }
}
