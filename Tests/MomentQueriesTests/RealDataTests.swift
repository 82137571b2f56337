// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Records
import Testing
import VideoAnnotations

@testable import MomentQueries

/// The real annotations beside the checkout, if they are there.
private enum SharedData {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/data")

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: self.folder.appending(path: path).path)
    }

    static let epic = "epic-kitchens-100/EPIC_100_validation.csv"
    static let goalStep = "ego4d-goalstep/goalstep_valid.json"
    static let captainCook = "captaincook4d/complete_step_annotations.json"

    /// A text with its span in its video.
    struct Note {
        let video: String
        let span: Interval
        let text: String
    }

    static func epicNotes() throws -> [Note] {
        let text = try String(contentsOf: self.folder.appending(path: self.epic), encoding: .utf8)
        return text.split(separator: "\n").dropFirst().compactMap { line in
            let fields = self.fields(of: line)
            guard fields.count > 8, let start = self.seconds(fields[4]), let stop = self.seconds(fields[5]) else {
                return nil
            }
            return Note(video: fields[2], span: Interval(start, stop), text: fields[8])
        }
    }

    private static func fields(of line: Substring) -> [String] {
        var fields = [""]
        var isQuoted = false
        for character in line {
            switch character {
            case "\"": isQuoted.toggle()
            case "," where !isQuoted: fields.append("")
            default: fields[fields.count - 1].append(character)
            }
        }
        return fields
    }

    private static func seconds(_ time: String) -> Double? {
        let parts = time.split(separator: ":").compactMap { Double($0) }
        return parts.count == 3 ? parts[0] * 3600 + parts[1] * 60 + parts[2] : nil
    }

    static func goalStepNotes() throws -> [Note] {
        let json = try JSONValue(parsing: try Data(contentsOf: self.folder.appending(path: self.goalStep)))
        var notes: [Note] = []
        func add(_ segments: [JSONValue], _ video: String) {
            for segment in segments {
                if let start = segment["start_time"]?.double, let end = segment["end_time"]?.double,
                    let text = segment["step_description"]?.string
                {
                    notes.append(Note(video: video, span: Interval(start, end), text: text))
                }
                add(segment["segments"]?.array ?? [], video)
            }
        }
        for video in json["videos"]?.array ?? [] {
            add(video["segments"]?.array ?? [], video["video_uid"]?.string ?? "")
        }
        return notes
    }

    static func captainCookNotes() throws -> [Note] {
        let json = try JSONValue(parsing: try Data(contentsOf: self.folder.appending(path: self.captainCook)))
        guard case .object(let members) = json else { return [] }
        return members.flatMap { member in
            (member.value["steps"]?.array ?? []).compactMap { step in
                guard let start = step["start_time"]?.double, let end = step["end_time"]?.double, start >= 0,
                    let text = step["description"]?.string
                else { return nil }
                return Note(video: member.key, span: Interval(start, end), text: text)
            }
        }
    }

    /// Five consecutive notes a block, within clips of 480 s, as the `block` operator has them.
    static func blocks(_ notes: [Note]) -> [Block] {
        var blocks: [Block] = []
        for (video, notes) in Dictionary(grouping: notes, by: \.video).sorted(by: { $0.key < $1.key }) {
            let narrations = notes.sorted { $0.span.start < $1.span.start }.enumerated().map { index, note in
                Narration(
                    videoUID: video, index: index, timestampSec: note.span.start, text: note.text, window: note.span)
            }
            let clips = Dictionary(grouping: narrations) { Int($0.timestampSec / 480) }
            for (clip, narrations) in clips.sorted(by: { $0.key < $1.key }) {
                let span = Interval(Double(clip) * 480, Double(clip + 1) * 480)
                for start in stride(from: 0, to: narrations.count, by: 5) {
                    let part = narrations[start..<min(start + 5, narrations.count)].map { narration in
                        var narration = narration
                        narration.window = narration.window?.intersection(span)
                        return narration
                    }
                    blocks.append(
                        Block(
                            blockID: "\(video)/\(clip)/\(start)", videoUID: video, pass: 1,
                            clip: Clip(clipUID: "\(video)/\(clip)", span: span), narrations: Array(part),
                            meanGapSec: nil))
                }
            }
        }
        return blocks
    }
}

/// The result of a file.
private struct Outcome {
    var narrations = 0
    var asked = 0
    var passed: [Query] = []
    var rejects: [String: Int] = [:]
    var gaps: [String: Int] = [:]
    var letters: [Letter] = []
    var misnamed = 0
    var caught = 0

    var askedShare: Double { Double(self.asked) / Double(max(self.narrations, 1)) }
    var passedShare: Double { Double(self.passed.count) / Double(max(self.asked, 1)) }

    init(_ notes: [SharedData.Note]) throws {
        var validate = try ValidateOperator(Configuration(), OperatorContext(topologyHash: "t"))
        var output = Collector<Query>(step: "validate")
        let judge = QueryJudge()
        for block in SharedData.blocks(notes) {
            let (candidates, gaps) = RuleWriter().write(about: block)
            self.misname(candidates, in: block, judge)
            self.narrations += block.narrations.count
            self.asked += candidates.count
            for gap in gaps { self.gaps[gap.reason, default: 0] += 1 }
            let answer = Answer(block: block, promptHash: "p", answerHash: "a", candidates: candidates)
            validate.process(element(answer), into: &output)
        }
        self.passed = output.elements.map(\.value)
        self.letters = output.notes.letters
        for letter in output.notes.letters { self.rejects[letter.reason, default: 0] += 1 }
        #expect(self.passed.count + output.notes.letters.count == self.asked)
        #expect(self.asked + self.gaps.values.reduce(0, +) == self.narrations)
    }

    /// Has every query name the narration after its own, as a model does that loses count.
    private mutating func misname(_ candidates: [Candidate], in block: Block, _ judge: QueryJudge) {
        let reading = BlockReading(block)
        for var candidate in candidates where block.narrations.count > 1 {
            guard let own = block.narrations.firstIndex(where: { $0.index == candidate.narrationIDs.first }) else {
                continue
            }
            candidate.narrationIDs = [block.narrations[(own + 1) % block.narrations.count].index]
            self.misnamed += 1
            if judge.rejection(of: Proposal(candidate, of: reading)) != nil { self.caught += 1 }
        }
    }

    func expectHumanLike() {
        let words = self.passed.map { Double($0.query.split(separator: " ").count) }
        let mean = words.reduce(0, +) / Double(max(words.count, 1))
        // Human queries have 7.4 words on average.
        #expect((6.5...9.5).contains(mean), "\(mean)")
        for query in self.passed {
            #expect(!query.query.contains("  ") && query.query.hasSuffix("?"))
            #expect(query.query.contains("I ") || query.query.contains("my ") || query.query.contains(" me"))
        }
        // Nothing that the grammar itself writes may be at odds with the validators, except for being asked twice.
        let expected: Set<String> = [
            "duplicate-in-clip", "near-duplicate-in-clip", "repeated-in-video", "wrong-narration",
        ]
        #expect(Set(self.rejects.keys).isSubset(of: expected), "\(self.rejects)")
        // The grammar always names the right narration, so whatever this one rejects of it is its mistake.
        #expect(self.rejects["wrong-narration", default: 0] * 500 <= self.asked, "\(self.rejects)")
        // Neighbours often do the same to the same thing; of the rest it finds most.
        #expect(self.caught * 10 >= self.misnamed * 8, "\(self.caught) of \(self.misnamed)")
    }

    /// Prints figures and some questions, if they are asked for.
    func report(_ name: String) {
        guard ProcessInfo.processInfo.environment["MILLRACE_REPORT"] != nil else { return }
        let templates = Dictionary(grouping: self.passed) { $0.template ?? "" }.mapValues(\.count)
        let words = self.passed.map { Double($0.query.split(separator: " ").count) }
        print(
            """
            \(name): \(self.narrations) narrations, asked \(self.askedShare), passed \(self.passedShare), words \
            \(words.reduce(0, +) / Double(max(words.count, 1))), distinct \
            \(Double(Set(self.passed.map(\.query)).count) / Double(max(self.passed.count, 1)))
            gaps \(self.gaps), rejects \(self.rejects), misnamed \(self.misnamed), caught \(self.caught)
            \(templates.sorted { $0.value > $1.value }.map { "  \($0.value) \($0.key)" }.joined(separator: "\n"))
            """)
        for index in stride(from: 0, to: self.passed.count, by: max(1, self.passed.count / 12)) {
            print("  ·", self.passed[index].query)
        }
        for letter in self.letters where letter.reason == "wrong-narration" { print("  ✗", letter.message) }
    }
}

@Suite struct RealDataTests {
    @Test(.enabled(if: SharedData.exists(SharedData.epic), "EPIC-KITCHENS-100 is not beside the checkout"))
    func epicKitchens() throws {
        let outcome = try Outcome(try SharedData.epicNotes())
        outcome.report("EPIC")
        #expect(outcome.narrations == 9_668)
        #expect(outcome.askedShare > 0.94)
        #expect(outcome.passedShare > 0.89)
        outcome.expectHumanLike()
    }

    @Test(.enabled(if: SharedData.exists(SharedData.goalStep), "GoalStep is not beside the checkout"))
    func goalStep() throws {
        let outcome = try Outcome(try SharedData.goalStepNotes())
        outcome.report("GoalStep")
        #expect(outcome.narrations == 7_696)
        #expect(outcome.askedShare > 0.92)
        #expect(outcome.passedShare > 0.86)
        outcome.expectHumanLike()
    }

    @Test(.enabled(if: SharedData.exists(SharedData.captainCook), "CaptainCook4D is not beside the checkout"))
    func captainCook() throws {
        let outcome = try Outcome(try SharedData.captainCookNotes())
        outcome.report("CaptainCook4D")
        #expect(outcome.narrations > 5_000)
        #expect(outcome.askedShare > 0.78)
        #expect(outcome.passedShare > 0.94)
        outcome.expectHumanLike()
    }
}
