// SPDX-License-Identifier: Apache-2.0

import Codecs

/// The calls to a model that conversations under way may yet make: a range, since what comes next depends on answers.
struct CallsToCome {
    private let range: ClosedRange<Int>

    /// Takes the fewest and the most; `nil` where none may come.
    init?(_ range: ClosedRange<Int>) {
        if range.upperBound == 0 { return nil }
        self.range = range
    }

    /// `5–17 calls to come`, `5 calls to come`
    var text: String {
        let number = ProgressReporter.grouped
        let (fewest, most) = (self.range.lowerBound, self.range.upperBound)
        if fewest == most { return "\(number(most)) \(most == 1 ? "call" : "calls") to come" }
        return "\(number(fewest))–\(number(most)) calls to come"
    }

    /// Writes them as fields of an open object.
    func write(to json: inout JSONWriter) {
        json.field("calls_to_come_min", self.range.lowerBound)
        json.field("calls_to_come_max", self.range.upperBound)
    }
}
