// SPDX-License-Identifier: Apache-2.0

public import Codecs

/// Metrics as Prometheus reads them: its text format, version 0.0.4.
public enum Exposition {
    /// The content type of an answer that holds it.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The text of metrics.
    public static func text(_ families: [MetricFamily]) -> Bytes {
        var text: Bytes = []
        for family in families { Self.write(family, to: &text) }
        return text
    }

    private static func write(_ family: MetricFamily, to text: inout Bytes) {
        guard !family.series.isEmpty else { return }
        if !family.help.isEmpty {
            text += "# HELP \(family.name) \(Self.escaped(family.help, quotes: false))\n".utf8
        }
        text += "# TYPE \(family.name) \(family.kind.rawValue)\n".utf8
        for series in family.series {
            let labels = series.labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
            switch series.value {
            case .number(let number):
                text += "\(family.name)\(Self.braces(labels)) \(Self.number(number))\n".utf8
            case .histogram(let observations):
                Self.write(observations, family.name, labels, to: &text)
            }
        }
    }

    private static func write(
        _ observations: MetricFamily.Observations, _ name: String, _ labels: [String], to text: inout Bytes
    ) {
        var sum = 0
        for (bound, count) in zip(observations.bounds + [.infinity], observations.counts) {
            sum &+= count
            text += "\(name)_bucket\(Self.braces(labels + ["le=\"\(Self.number(bound))\""])) \(sum)\n".utf8
        }
        text += "\(name)_sum\(Self.braces(labels)) \(Self.number(observations.sum))\n".utf8
        text += "\(name)_count\(Self.braces(labels)) \(sum)\n".utf8
    }

    private static func braces(_ labels: [String]) -> String {
        labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
    }

    /// A number as Go reads it; whole ones without a point.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return String(whole) }
        return "\(value)"
    }

    /// A text with backslashes, line feeds and, in a label, quotes escaped: all that the format knows.
    static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": escaped.append(contentsOf: "\\n".unicodeScalars)
            case "\"" where quotes: escaped.append(contentsOf: "\\\"".unicodeScalars)
            // A carriage return would end a line for some readers.
            case "\r": escaped.append(contentsOf: " ".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
