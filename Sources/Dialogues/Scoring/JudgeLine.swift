// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// A judge's answer as ProAssist reads it: the first `{…}` behind the first `---`, as JSON. The judge of a topology
/// asks for JSON of a schema instead (`JudgeStep`).
enum JudgeLine {
    /// The scores of an answer.
    /// - Returns: `nil` where there is no object in one line, or it is not JSON.
    static func scores(in answer: String) -> JSONValue? {
        var text = answer[...]
        if let line = answer.firstRange(of: "---") {
            let behind = answer[line.upperBound...]
            text = behind.firstRange(of: "---").map { behind[..<$0.lowerBound] } ?? behind
        }
        for line in text.split(whereSeparator: { $0 == "\n" }) {
            guard let open = line.firstIndex(of: "{"), let close = line[open...].firstIndex(of: "}") else { continue }
            guard let value = try? JSONValue(parsing: line[open...close].utf8), case .object = value else { return nil }
            return value
        }
        return nil
    }
}
