// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Telemetry

/// The rules and the dashboard of ops/observability name what the code measures, and the runbooks that are there.
@Suite("Alerts and dashboard") struct ObservabilityTests {
    private static let ops = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("ops")

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: Self.ops.appendingPathComponent(path), encoding: .utf8)
    }

    /// The metrics that a text names, each with the labels in braces behind it.
    private static func metrics(in text: String) throws -> [(name: String, labels: [String])] {
        let pattern = try Regex(#"\b((?:millrace|process)_[a-z0-9_]+)(?:\{([^}]*)\})?"#)
        return text.matches(of: pattern).compactMap { match in
            guard let name = match.output[1].substring else { return nil }
            let labels = match.output[2].substring.map { text in
                text.split(separator: ",").compactMap { $0.split(separator: "=").first.map(String.init) }
            }
            return (String(name), labels ?? [])
        }
    }

    /// A histogram is asked for by the names of its parts.
    private static func definition(_ name: String) -> MetricDefinition? {
        if let definition = MetricCatalogue.definition(of: name) { return definition }
        for part in ["_bucket", "_sum", "_count"] where name.hasSuffix(part) {
            let definition = MetricCatalogue.definition(of: String(name.dropLast(part.count)))
            if definition?.kind == .histogram { return definition }
        }
        return nil
    }

    @Test(
        "Each metric that they name is in the catalogue, with its labels",
        arguments: ["alerts.yaml", "alerts.test.yaml", "dashboard.json"])
    func catalogue(_ file: String) throws {
        let text = try Self.text("observability/\(file)").replacing("\\\"", with: "\"")
        var count = 0
        for (name, labels) in try Self.metrics(in: text) {
            let definition = Self.definition(name)
            #expect(definition != nil, "\(file) names \(name), which nothing measures")
            // Prometheus or `serve` adds these to all.
            let known = (definition?.labels ?? []) + ["instance", "process", "job", "le"]
            for label in labels { #expect(known.contains(label), "\(file): \(name) has no label \(label)") }
            count += 1
        }
        #expect(count > 10)
    }

    @Test("Each runbook has an alert, and each alert a runbook")
    func runbooks() throws {
        let folder = Self.ops.appendingPathComponent("runbooks").path
        let pages = try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".md") && $0 != "README.md" }
        let alerts = try Self.text("observability/alerts.yaml")
        let named = alerts.matches(of: /runbook_url: \S*?([a-z-]+\.md)/).map { String($0.1) }
        #expect(Set(named) == Set(pages))
        #expect(named.count == alerts.matches(of: /- alert: Millrace/).count)
        for page in pages { #expect(try Self.text("runbooks/README.md").contains("(\(page))"), "\(page)") }
    }
}
