// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import Testing
import Topologies

@testable import Mill

/// Reads a topology's text; the only file beside it is `r.txt`.
func parse(
    _ text: String, _ environment: [String: String] = [:], recipe: String = "water"
) throws(TopologyError) -> (topology: Topology, warnings: [Diagnostic]) {
    try Topology.parse(text, file: "t.yaml", registry: millRegistry, environment: environment) { name in
        guard name == "r.txt" else { throw CocoaError(.fileReadNoSuchFile) }
        return recipe
    }
}

/// The problems of a topology's text, as `line:column: message`.
func problems(_ text: String, _ environment: [String: String] = [:]) -> [String] {
    do throws(TopologyError) {
        return try parse(text, environment).warnings.map(line)
    } catch {
        return error.diagnostics.map(line)
    }
}

private func line(_ diagnostic: Diagnostic) -> String {
    let place = diagnostic.mark.map { "\($0.line):\($0.column)" } ?? "-"
    return (diagnostic.severity == .warning ? "warning " : "") + "\(place): \(diagnostic.message)"
}

/// A topology of one stage with these steps, one a line from line 6 and column 9 on.
func stage(_ steps: String...) -> String {
    """
    name: t
    stages:
      one:
        from: input
        steps:
    \(steps.map { "      - " + $0 }.joined(separator: "\n"))
        to: output
    """
}

/// The repository's folder.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
