// SPDX-License-Identifier: Apache-2.0

/// A stage's use of models since its first commit, as its commits count it over all processes (`ConversationOperator`).
struct ModelUsage {
    private let counts: [String: Int]

    /// Picks the counts of models out of all counts of a stage; `nil` where it has asked none.
    init?(_ counts: [String: Int]) {
        // By the count's own name: a step may have any name in front of it.
        var usage: [String: Int] = [:]
        for (name, count) in counts {
            guard let dot = name.firstIndex(of: ".") else { continue }
            usage[String(name[name.index(after: dot)...]), default: 0] += count
        }
        guard usage["calls"] != nil || usage["cache-hits"] != nil else { return nil }
        self.counts = usage
    }

    /// On one line.
    var line: String {
        func number(_ name: String) -> String { ProgressReporter.grouped(self.counts[name] ?? 0) }
        let failures = self.counts.filter { $0.key.hasPrefix("server-failure.") }.sorted { $0.key < $1.key }
            .map { "\($0.key.dropFirst("server-failure.".count)) \(ProgressReporter.grouped($0.value))" }
        return "\(number("calls")) calls, \(number("cache-hits")) cache hits, \(number("tokens-in")) tokens in, "
            + "\(number("tokens-out")) tokens out, \(number("repairs")) repairs, \(number("free-text")) free-text answers, "
            + "\(number("retries")) retries\(failures.isEmpty ? "" : " (\(failures.joined(separator: ", ")))"), "
            + "\(number("duplicate-calls")) duplicate calls"
    }
}
