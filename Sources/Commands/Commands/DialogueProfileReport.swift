// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dialogues
import Foundation
import Records
import Shards

/// The figures of a set of dialogues, for people or programs.
struct DialogueProfileReport {
    private let profile: DialogueProfile

    /// Reads a set to its end.
    /// - Parameter first: the line that was read already.
    init(_ first: Bytes, _ reader: TailingReader) throws {
        var profile = DialogueProfile()
        profile.add(first)
        while let line = try reader.next() { profile.add(line) }
        self.profile = profile
    }

    func write(asJSON: Bool) throws {
        if asJSON { try Results.json(self.json.bytes) } else { try Results.lines(self.lines) }
    }

    private var lines: [String] {
        var lines: [String] = []
        for (dataset, figures) in self.profile.figures.sorted(by: { $0.key < $1.key }) {
            lines.append(
                "\(dataset): \(figures.videoCount) videos, \(figures.dialogues) dialogues, \(figures.turns) turns")
            lines.append(
                Self.line("seconds between assistant's turns", figures.gap, DialogueProfile.statedGaps[dataset]))
            lines.append(Self.line("silent frames", figures.silence, DialogueProfile.statedSilence[dataset]))
            lines.append(Self.line("words a turn", figures.wordsATurn, DialogueProfile.statedWords))
            lines.append(Self.line("distinct texts", figures.distinct, nil))
            for (kind, share) in figures.shares { lines.append(Self.line(kind, share, nil)) }
        }
        if self.profile.malformed > 0 { lines.append("no dialogues: \(self.profile.malformed) lines") }
        return lines
    }

    private static func line(_ name: String, _ value: Double, _ stated: Double?) -> String {
        "  \(name): " + String(format: "%.3f", value) + (stated.map { String(format: " (ProAssist: %.2f)", $0) } ?? "")
    }

    private var json: JSONValue {
        .object(
            self.profile.figures.sorted { $0.key < $1.key }.map { dataset, figures in
                JSONValue.Member(
                    dataset,
                    .object([
                        .init("videos", .int(figures.videoCount)), .init("dialogues", .int(figures.dialogues)),
                        .init("turns", .int(figures.turns)), .init("gap_sec", .double(figures.gap)),
                        .init("silence", .double(figures.silence)), .init("words_a_turn", .double(figures.wordsATurn)),
                        .init("distinct", .double(figures.distinct)),
                        .init(
                            "kinds", .object(figures.shares.map { JSONValue.Member($0.kind, .double($0.share)) })),
                    ]))
            })
    }
}
