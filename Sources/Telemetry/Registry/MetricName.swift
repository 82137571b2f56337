// SPDX-License-Identifier: Apache-2.0

/// Names of metrics and labels as Prometheus takes them; what others call theirs is made to fit.
enum MetricName {
    /// The most bytes of a name or of a label's value.
    static let bytesMax = 200

    /// A metric's name.
    static func metric(_ name: String) -> String { self.fitted(name, takesColon: true) }

    /// A label's name; those that the format and the merging of processes keep for themselves are set apart.
    static func label(_ name: String) -> String {
        let fitted = self.fitted(name, takesColon: false)
        let isKept = ["le", "quantile", "process", "job", "instance"].contains(fitted) || fitted.hasPrefix("__")
        return isKept ? "exported_" + fitted.drop { $0 == "_" } : fitted
    }

    /// A label's value, no longer than it may be.
    static func value(_ value: String) -> String {
        guard value.utf8.count > self.bytesMax else { return value }
        var cut = value.prefix(self.bytesMax)
        while cut.utf8.count > self.bytesMax - 3 { cut.removeLast() }
        return cut + "…"
    }

    private static func fitted(_ name: String, takesColon: Bool) -> String {
        var fitted = ""
        for scalar in name.unicodeScalars.prefix(self.bytesMax) {
            let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
            let isDigit = ("0"..."9").contains(scalar)
            if isDigit, fitted.isEmpty { fitted.append("_") }
            fitted.unicodeScalars.append(isLetter || isDigit || takesColon && scalar == ":" ? scalar : "_")
        }
        return fitted.isEmpty ? "_" : fitted
    }
}
