// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct ValidateOperatorTests {
    private func step(_ change: (inout Configuration) -> Void = { _ in }) throws -> ValidateOperator {
        var configuration = Configuration()
        change(&configuration)
        return try ValidateOperator(configuration, OperatorContext(topologyHash: "topology"))
    }

    private func answer(
        _ candidates: [Candidate], clip: String = "clip", video: String = "video", id: String = "block"
    ) -> Answer {
        Answer(
            block: makeBlock(
                ["#C C puts the knife in the drawer", "#C C takes a red cup", "#C C closes the drawer"], id: id,
                video: video, clip: clip, firstIndex: 20),
            promptHash: "prompt", answerHash: "answer", candidates: candidates)
    }

    private func knife(_ text: String = "Where did I put the knife?", ids: [Int] = [20]) -> Candidate {
        Candidate(narrationIDs: ids, template: QueryTemplate.whereDidIPut.rawValue, query: text)
    }

    private func reasons(_ output: Collector<Query>) -> [String] { output.notes.letters.map(\.reason) }

    @Test func aGoodQueryWithWindowAndLineage() throws {
        var step = try self.step()
        let output = run(&step, [self.answer([self.knife(" Where did I put the  knife", ids: [22, 20, 20])])])
        #expect(output.notes.letters.isEmpty)
        let query = try #require(output.elements.first?.value)
        #expect(query.query == "Where did I put the knife?")
        #expect(query.template == "Place: Where did I put X?")
        #expect(query.window == Interval(9, 19))
        #expect(query.narrationIndices == [20, 22])
        #expect(
            query.lineage
                == Lineage(
                    videoUID: "video", pass: 1, narrations: [20, 22], block: "block", prompt: "prompt",
                    answer: "answer",
                    topology: "topology"))
        let name = #"["query","block",[20,22],"Place: Where did I put X?","Where did I put the knife?"]"#
        #expect(query.queryID == ContentHash.uuid5(name))
    }

    @Test func templateNamesAreMadeExact() throws {
        var step = try self.step()
        let candidate = Candidate(
            narrationIDs: [21], template: "objects: in what location did I see object X?",
            query: "In what location did I see the cup?")
        let output = run(&step, [self.answer([candidate])])
        #expect(output.elements.first?.value.template == "Objects: In what location did I see object X ?")
    }

    @Test func eachRejectWithItsReasonAndItsCandidate() throws {
        var step = try self.step()
        let bad: [(Candidate, RejectReason)] = [
            (self.knife(ids: [20, 99]), .unknownNarration), (self.knife(ids: []), .unknownNarration),
            (self.knife(" "), .empty), (self.knife("The knife?"), .tooShort),
            (self.knife("Where? Where did I put the knife?"), .severalQuestions),
            (self.knife("1) Where did I put the knife?"), .markup), (self.knife("Where did C put the knife?"), .marker),
            (Candidate(narrationIDs: [20], template: "X", query: "Where did I put the knife?"), .unknownTemplate),
            (self.knife("Knife put where?"), .firstWord),
            (self.knife("Where in the drawer did I put the knife?"), .answerLeak),
            (self.knife("Where was the lamp?"), .notGrounded),
            (self.knife("Where did I put the knife?", ids: [21]), .wrongNarration),
        ]
        let again = [self.knife(), self.knife("WHERE did I put the knife"), self.knife("where did I put my knives")]
        let output = run(&step, [self.answer(bad.map(\.0) + again)])
        #expect(self.reasons(output) == bad.map(\.1.rawValue) + ["duplicate-in-clip", "near-duplicate-in-clip"])
        #expect(output.elements.count == 1)
        for (letter, candidate) in zip(output.notes.letters, bad.map(\.0)) {
            #expect(letter.kind == .rejected)
            #expect(letter.step == "validate")
            #expect(letter.origin == 7)
            let value = try #require(letter.value)
            let rejected = try JSONScanner.scan(value) { json throws(JSONError) in try Answer(json: &json) }
            #expect(rejected.candidates == [candidate])
            #expect(rejected.block.blockID == "block")
        }
    }

    @Test func windows() throws {
        var block = makeBlock(["put cup", "put cup", "put cup"])
        block.clip.span = Interval(11, 17)
        block.narrations[1].window = nil
        block.narrations[2].window = Interval(30, 31)
        let text = "Where did I put the cup?"
        let candidates = [[0], [1], [2], [0, 1, 2]].map { self.knife(text, ids: $0) }
        var step = try self.step { $0.set(ValidateOperator.duplicateInClip, .off) }
        let output = run(&step, [Answer(block: block, promptHash: "", answerHash: "", candidates: candidates)])
        #expect(self.reasons(output) == ["window", "window", "window"])
        // The first window, 9…11, only touches the clip; the union of all is cut to it.
        #expect(output.elements.map(\.value.window) == [Interval(11, 17)])
    }

    @Test func thresholdsAndSwitches() throws {
        var strict = try self.step {
            $0.set(ValidateOperator.minimumWords, 7)
            $0.set(ValidateOperator.minimumSeconds, 2)
        }
        #expect(self.reasons(run(&strict, [self.answer([self.knife()])])) == ["too-short"])
        let longer = self.knife("Where did I put down the knife?")
        #expect(self.reasons(run(&strict, [self.answer([longer])])) == ["window"])

        var lax = try self.step {
            for field in [
                ValidateOperator.unknownNarration, ValidateOperator.severalQuestions, ValidateOperator.marker,
                ValidateOperator.markup, ValidateOperator.unknownTemplate, ValidateOperator.answerLeak,
                ValidateOperator.notGrounded, ValidateOperator.wrongNarration,
            ] { $0.set(field, false) }
            $0.set(ValidateOperator.firstWord, .off)
            $0.set(ValidateOperator.minimumWords, 0)
        }
        let odd = Candidate(narrationIDs: [20, 99], template: "Mine", query: "C? #?")
        let output = run(&lax, [self.answer([odd, self.knife(ids: [99])])])
        #expect(self.reasons(output) == ["unknown-narration"])
        #expect(output.elements.first?.value.template == "Mine")
        #expect(output.elements.first?.value.narrationIndices == [20])
        #expect(throws: ConfigurationError.self) { try self.step { $0.set(ValidateOperator.minimumWords, 30) } }
        #expect(throws: ConfigurationError.self) { try self.step { $0.set(ValidateOperator.minimumSeconds, 480) } }
    }

    @Test func duplicates() throws {
        let other = self.answer([self.knife()], clip: "clip 2")
        var step = try self.step { $0.set(ValidateOperator.repeatsInVideo, 2) }
        let answers = [
            self.answer([self.knife(), self.knife()]), other, self.answer([self.knife()], clip: "clip 3"),
            self.answer([self.knife()], video: "video 2"),
        ]
        let output = run(&step, answers)
        #expect(self.reasons(output) == ["duplicate-in-clip", "repeated-in-video"])
        #expect(output.elements.count == 3)

        var window = try self.step { $0.set(ValidateOperator.duplicateInClip, .sameWindow) }
        let two = [self.knife(), self.knife(ids: [20, 21]), self.knife()]
        #expect(self.reasons(run(&window, [self.answer(two)])) == ["duplicate-in-clip"])
    }

    @Test func aRejectedQueryIsNotRemembered() throws {
        var step = try self.step()
        let wrong = Candidate(
            narrationIDs: [22], template: QueryTemplate.whereDidIPut.rawValue, query: "Where did I put the knife?")
        #expect(self.reasons(run(&step, [self.answer([wrong])])) == ["wrong-narration"])
        #expect(run(&step, [self.answer([self.knife()])]).elements.count == 1)
    }

    @Test func interleavedVideosAreKeptApartAndTheOldestIsForgotten() throws {
        var step = try self.step { $0.set(ValidateOperator.videosRemembered, 2) }
        func ask(_ video: String) -> Int { run(&step, [self.answer([self.knife()], video: video)]).elements.count }
        #expect(["a", "b", "a", "b"].map(ask) == [1, 1, 0, 0])
        #expect(Self.keys(step.stateChanges()) == [#"["a",1]"#, #"["b",1]"#])
        #expect(ask("c") == 1)
        // "a" was asked about the longest ago, so it makes room for "c".
        let changes = step.stateChanges()
        #expect(Self.keys(changes) == [#"["a",1]"#, #"["c",1]"#])
        #expect(changes.map { $0.value == nil } == [true, false])
        #expect(ask("b") == 0)
        #expect(ask("a") == 1)
        #expect(step.stateChanges().count == 2)
        #expect(step.stateChanges().isEmpty)
    }

    @Test func nearDuplicates() throws {
        let texts = [
            "Where did I put the knife?", "Where did I put my knives?", "Where did I put the bread knife?",
            "Did I put the knife?", "Where was the knife before I put it?", "Where was the knife after I put it?",
        ]
        func reasons(_ change: (inout Configuration) -> Void = { _ in }) throws -> [String] {
            var step = try self.step {
                $0.set(ValidateOperator.repeatsInVideo, 0)
                change(&$0)
            }
            return self.reasons(run(&step, [self.answer(texts.map { self.knife($0) })]))
        }
        #expect(try reasons() == ["near-duplicate-in-clip"])
        #expect(try reasons { $0.set(ValidateOperator.nearDuplicate, 0) } == [])
        #expect(try reasons { $0.set(ValidateOperator.nearDuplicate, 0.5) }.count > 1)
        #expect(try reasons { $0.set(ValidateOperator.duplicateInClip, .off) } == [])
    }

    /// Nearly the same counts for the video, too.
    @Test func nearRepeatsInVideo() throws {
        var step = try self.step { $0.set(ValidateOperator.repeatsInVideo, 2) }
        let texts = ["Where did I put the knife?", "Where did I put a knife?", "Where did I put my knife?"]
        let answers = texts.enumerated().map { self.answer([self.knife($1)], clip: "clip \($0)") }
        #expect(self.reasons(run(&step, answers)) == ["repeated-in-video"])
    }

    /// The step remembers as many questions of a video as it is told to, and its state grows no further.
    @Test func theOldestQuestionsOfAVideoAreForgotten() throws {
        var step = try self.step {
            $0.set(ValidateOperator.queriesRemembered, 2)
            $0.set(ValidateOperator.nearDuplicate, 0)
        }
        let texts = ["knife", "red cup", "drawer"].map { "Where did I see the \($0)?" }
        let candidates = zip(texts, [20, 21, 22]).map { self.knife($0, ids: [$1]) }
        #expect(self.reasons(run(&step, [self.answer(candidates)])).isEmpty)
        let value = try #require(step.stateChanges().first?.value)
        #expect(try JSONValue(parsing: value)["asked"]?.array?.count == 2)
        // The knife is forgotten, and when it is asked again, so is the cup.
        #expect(
            self.reasons(run(&step, [self.answer([candidates[2], candidates[0], candidates[1]])])) == [
                "duplicate-in-clip"
            ])
    }

    private static func keys(_ changes: [StateChange]) -> [String] {
        changes.map { String(decoding: $0.key, as: UTF8.self) }
    }

    /// A restart anywhere does not change the output that follows.
    @Test(arguments: [1, 2, 5, 11, 23])
    func restoredStateGivesTheSameVerdicts(cut: Int) throws {
        let answers = (0..<40).map { number in
            let video = "video \(number * 7 % 5)"
            let texts = [
                "Where did I put the knife?", "Where did I put a knife?", "Where was the knife put \(number % 6)?",
            ]
            let text = texts[number % 3]
            return self.answer([self.knife(text)], clip: "clip \(number % 2)", video: video, id: "block \(number)")
        }
        func configure(_ configuration: inout Configuration) {
            configuration.set(ValidateOperator.videosRemembered, 3)
            configuration.set(ValidateOperator.queriesRemembered, 3)
        }
        var whole = try self.step(configure)
        let expected = run(&whole, answers)

        var before = try self.step(configure)
        var state: [Bytes: Bytes] = [:]
        var output = Collector<Query>(step: "validate")
        for answer in answers.prefix(cut) {
            before.process(element(answer), into: &output)
            for change in before.stateChanges() { state[change.key] = change.value }
        }
        #expect(state.count <= 3)
        var after = try self.step(configure)
        try after.restore(state.map { StateEntry(key: $0.key, value: $0.value) })
        for answer in answers.dropFirst(cut) { after.process(element(answer), into: &output) }
        #expect(output.elements.map(\.value) == expected.elements.map(\.value))
        #expect(output.notes.letters == expected.notes.letters)
    }

    @Test(arguments: ["", "{}", "[]", #"["v"]"#])
    func aBrokenStateIsAnError(key: String) throws {
        var step = try self.step()
        #expect(throws: JSONError.self) {
            try step.restore([StateEntry(key: Bytes(key.utf8), value: Bytes("{}".utf8))])
        }
        #expect(throws: JSONError.self) {
            try step.restore([
                StateEntry(
                    key: Bytes(#"["v",1]"#.utf8), value: Bytes(#"{"clips":["c"],"asked":[[0,"xyz",1,2,"where"]]}"#.utf8)
                )
            ])
        }
    }
}
