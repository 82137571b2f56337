// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Foundation
import Testing

@testable import Telemetry

/// The catalogue: one list, and a document that says the same.
@Suite("Catalogue")
struct CatalogueTests {
    private static let document = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "ops/metrics.md")

    @Test("ops/metrics.md is the catalogue")
    func document() throws {
        if ProcessInfo.processInfo.environment["MILLRACE_WRITE_METRICS"] != nil {
            try MetricCatalogue.markdown.write(to: Self.document, atomically: true, encoding: .utf8)
        }
        let written = try String(contentsOf: Self.document, encoding: .utf8)
        #expect(
            written == MetricCatalogue.markdown, "write it anew: millrace serve --list-metrics > ops/metrics.md")
    }

    @Test("Names are conventional, labels bounded and buckets rising")
    func conventions() {
        let names = MetricCatalogue.all.map(\.name)
        #expect(Set(names).count == names.count)
        for metric in MetricCatalogue.all {
            #expect(metric.name.wholeMatch(of: /(millrace|process)_[a-z0-9_]+[a-z]/) != nil, "\(metric.name)")
            #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
            if metric.unit == "seconds" { #expect(metric.name.contains("seconds"), "\(metric.name)") }
            if metric.unit == "bytes" { #expect(metric.name.contains("bytes"), "\(metric.name)") }
            #expect(metric.help.hasSuffix("."), "\(metric.name)")
            #expect(metric.labels == metric.labels.map(MetricName.label), "\(metric.name)")
            #expect(metric.bounds.isEmpty == (metric.kind != .histogram), "\(metric.name)")
            #expect(zip(metric.bounds, metric.bounds.dropFirst()).allSatisfy { $0 < $1 }, "\(metric.name)")
        }
    }

    @Test("Every metric of the catalogue comes out of the registry as it is described")
    func registered() {
        let registry = MetricRegistry()
        for metric in MetricCatalogue.all {
            let labels = Dictionary(uniqueKeysWithValues: metric.labels.map { ($0, "x") })
            switch metric.kind {
            case .counter: metric.counter(labels, in: registry).increment()
            case .gauge: metric.gauge(labels, in: registry).set(1)
            case .histogram: metric.histogram(labels, in: registry).record(1)
            }
        }
        let families = registry.snapshot()
        #expect(families.map(\.name) == MetricCatalogue.all.map(\.name).sorted())
        for family in families {
            let metric = MetricCatalogue.definition(of: family.name)
            #expect(family.kind == metric?.kind)
            #expect(family.series.map { $0.labels.map(\.name) } == [metric?.labels])
            #expect(family.sum() == 1)
        }
    }
}
