// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// The part of its data set that a source puts a video in.
public enum SourceSplit: String, Hashable, Sendable, CaseIterable, ExpressibleByArgument {
    /// For training.
    case train
    /// For validation.
    case val
    /// For testing.
    case test

    /// The part that the name of a file says, as `goalstep_valid.json` and `EPIC_100_train.csv` do; `nil` where it says
    /// none or two.
    public init?(path: String) {
        let name = path.split(separator: "/").last ?? ""
        let words = Set(name.lowercased().split { !$0.isLetter }.compactMap { Self(word: $0) })
        guard words.count == 1, let split = words.first else { return nil }
        self = split
    }

    /// The part that a word of a source means: `val`, `valid` and `validation` are one.
    public init?(word: some StringProtocol) {
        switch word.lowercased() {
        case "train", "training": self = .train
        case "val", "valid", "validation": self = .val
        case "test": self = .test
        default: return nil
        }
    }
}

/// The option of sources whose parts lie in files of their own.
struct SplitArguments: ParsableArguments {
    @Option(help: "Part of the data set that the file is: train, val or test; by default what its name says.")
    var split: SourceSplit?
}
