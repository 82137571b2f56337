// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import Records
import Training

/// The part of reading windows that goes by the heads alone, whatever their encoder sees.
extension ForecastDescription {
    /// A line's window; `nil` where the line is none.
    func window(in line: Bytes) -> ForecastWindow? {
        guard let window = ActionWindow(line: line) else { return nil }
        // Another taxonomy's labels are no labels here: `refusal` knows such a window by what it names.
        var sample = window.forecastWindow
        if window.clip.taxonomy.digest != self.taxonomy { sample.taxonomy = window.clip.taxonomy.digest }
        return sample
    }

    /// Says why the heads cannot learn from a window; `nil` where they can.
    /// - Parameter told: the actions that they are to learn of it; `nil` where it does not tell them.
    func refusal(of sample: ForecastWindow, told: [Action]?) -> SkippedWindow? {
        if sample.taxonomy != nil { return .otherTaxonomy }
        guard let told else { return .untold }
        if sample.inputs.count != self.inputs || told.count != self.futures { return .otherSize }
        let isKnown = told.allSatisfy { (0..<self.verbs).contains($0.verb) && (0..<self.nouns).contains($0.noun) }
        return isKnown ? nil : .unknownLabel
    }

    /// The sizes that windows must have, as a part of a reader's key.
    var windowKey: String { "\(self.inputs) \(self.futures) \(self.verbs) \(self.nouns) \(self.taxonomy)" }
}

extension SequencePlace {
    /// A window's: the clip's windows are a sequence, which ends with its last.
    init?(ofWindow line: Bytes) {
        guard let window = ActionWindow(line: line) else { return nil }
        self.init(window.clip.clipUID, isLast: window.isLast)
    }
}
