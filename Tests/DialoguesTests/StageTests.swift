// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import Fuzzing
import ModelRequests
import Records
import Testing
import VideoAnnotations

@testable import Dialogues

@Suite struct StageTests {
    /// Four steps in two clips, 10 s each.
    static let activity: Activity = {
        let lines = ["fills the kettle", "boils water", "pours tea", "adds milk"].enumerated().map {
            ActivityLine(level: .step, start: Double($0) * 10 + 2, end: Double($0) * 10 + 10, text: $1)
        }
        let clips = [lines[0..<2], lines[2..<4]].map { part in
            ActivityClip(
                span: Interval(part[part.startIndex].start, part[part.endIndex - 1].end ?? 0),
                text: part.map { $0.printed + "\n" }.joined(), lines: Array(part))
        }
        return Activity(
            dataset: "ego4d", domain: "cooking", knowledgeType: "cooking recipe", videoUID: "v", goal: "Making tea",
            stepDescriptions: lines.map { $0.printed + "\n" }.joined(), lines: lines, clips: clips, durationSec: 60,
            annotatedShare: 0.8, stepCount: 4, substepCount: 0, split: "train")
    }()

    // MARK: Goal

    private static func goalStep(_ samples: Int) throws -> GoalStep {
        try GoalStep(
            StepConfiguration.model {
                $0.set(GoalStep.draftPrompt, StepConfiguration.file("d", "@system\ns\n@user\nDRAFT {{steps}}"))
                $0.set(
                    GoalStep.mergePrompt, StepConfiguration.file("m", "@system\ns\n@user\nMERGE {{count}} {{drafts}}"))
                $0.set(ModelOptions.samples, samples)
            }, StepConfiguration.context)
    }

    /// A small model copies the form that it is shown.
    @Test(arguments: [
        #"{"name":"...","steps":["...","..."]}"#, #"{"name":"Tea","steps":["...","-"]}"#, "...\n1. ...\n",
    ])
    func aDraftWithoutWordsIsNone(answer: String) throws {
        let held = try HeldConversation(try Self.goalStep(1).conversation(about: Self.activity)) { _, _ in answer }
        #expect(held.talk.outcome.outputs.isEmpty)
        #expect(held.talk.outcome.failure?.reason == "unusable-answer")
    }

    @Test func stepsWithoutWordsAreLeftOut() throws {
        let held = try HeldConversation(try Self.goalStep(1).conversation(about: Self.activity)) { _, _ in
            #"{"name":"お茶","steps":["...","Boil 2 cups","湯を注ぐ"]}"#
        }
        #expect(held.talk.outcome.outputs.first?.knowledge == "お茶\n1. Boil 2 cups\n2. 湯を注ぐ\n")
    }

    @Test func goalsAreDraftedAndMerged() throws {
        let talk = try Self.goalStep(3).conversation(about: Self.activity)
        #expect(talk.callsToCome == 1...5)
        let held = try HeldConversation(talk) { request, number in
            if request.messages.last?.content.hasPrefix("MERGE") == true {
                return "```json\n{\"name\": \"Make tea\", \"steps\": [\"Boil\", \"Pour\"]}\n```"
            }
            return number == 0 ? "Tea\n1. Boil" : "{\"name\":\"Tea \(number)\",\"steps\":[\"Boil\"]}"
        }
        #expect(held.requests.count == 4)
        let activity = try #require(held.talk.outcome.outputs.first)
        #expect(activity.goal == "Make tea")
        #expect(activity.knowledge == "Make tea\n1. Boil\n2. Pour\n")
        #expect(activity.drafts?.count == 3)
        #expect(held.requests.last?.messages.last?.content.contains("Cooking recipe 1:\n Tea\n1. Boil\n\n") == true)
        #expect(held.talk.counts["free-text"] == 1)
    }

    @Test func aDraftThatCannotBeReadIsNoEnd() throws {
        let talk = try Self.goalStep(2).conversation(about: Self.activity)
        var asked = 0
        let held = try HeldConversation(talk) { request, number in
            asked += 1
            if request.messages.last?.content.hasPrefix("MERGE 1") == true {
                return "{\"name\":\"T\",\"steps\":[\"a\"]}"
            }
            return number == 1 ? "{\"name\":\"T\",\"steps\":[\"a\"]}" : "no"
        }
        #expect(asked == 4)
        #expect(held.talk.outcome.outputs.first?.goal == "T")
        #expect(held.talk.counts["sample-failed.unusable-answer"] == 1)
        let none = try HeldConversation(try Self.goalStep(1).conversation(about: Self.activity)) { _, _ in "no" }
        #expect(none.talk.outcome.failure?.reason == "unusable-answer")
        #expect(none.talk.outcome.failure?.message.contains("video v") == true)
    }

    @Test func rulesTakeTheGoalOfTheSource() throws {
        let step = try GoalStep(Configuration(), StepConfiguration.context)
        #expect(!step.asksModel)
        let activity = try #require(step.conversation(about: Self.activity).outcome.outputs.first)
        #expect(activity.goal == "Making tea")
        #expect(
            activity.knowledge == "Making tea\n1. fill the kettle\n2. boil water\n3. pour tea\n4. add milk\n")
    }

    // MARK: Label

    @Test func videosAreVotedOn() throws {
        let step = try LabelStep(
            StepConfiguration.model {
                $0.set(LabelStep.prompt, StepConfiguration.file("p", "@system\ns\n@user\n{{steps}}"))
                $0.set(ModelOptions.samples, 4)
            }, StepConfiguration.context)
        let kept = try HeldConversation(step.conversation(about: Self.activity)) { _, number in
            number < 2 ? "{\"analysis\":\"x\",\"answer\":1}" : number == 2 ? "x\nFinal answer: 0" : "{\"answer\": 2}"
        }
        #expect(kept.talk.outcome.outputs.first?.labels == ["1": 2, "0": 1, "2": 1])
        let dropped = try HeldConversation(step.conversation(about: Self.activity)) { _, _ in "{\"answer\":0}" }
        #expect(dropped.talk.outcome.rejects.first?.reason == "not-its-task")
        #expect(dropped.talk.counts["label.0"] == 1)
    }

    // MARK: Rounds

    private static func converse(refine: Bool = false, _ more: (inout Configuration) -> Void = { _ in }) throws
        -> ConverseStep
    {
        try ConverseStep(
            StepConfiguration.model {
                $0.set(
                    ConverseStep.prompt,
                    StepConfiguration.file("p", "@system\ns\n@user\n{{history}}|{{steps}}|{{from}}|{{to}}"))
                $0.set(ConverseStep.refine, refine)
                $0.set(ConverseStep.refinePrompt, StepConfiguration.file("r", "@system\ns\n@user\nREFINE {{dialogue}}"))
                more(&$0)
            }, StepConfiguration.context)
    }

    private static let wanted = Dialogue(about: Self.activity, userType: "talk_some", ordinal: 0)

    @Test func roundsMakeADialogue() throws {
        let talk = try Self.converse().conversation(about: .dialogue(Self.wanted))
        #expect(talk.callsToCome == 1...2)
        let held = try HeldConversation(talk) { request, number in
            number == 0
                ? """
                {"turns":[{"time":2,"role":"user","text":"Tea please."},
                {"time":2.1,"role":"assistant","text":"Fill the kettle.","initiativity":"responsive","intents":["instruction"]},
                {"time":3,"role":"narrator","text":"x"},{"time":99,"role":"user","text":"late"},
                {"time":4,"role":"assistant","text":"Odd.","initiativity":"proactive"}]}
                """ : "[22.0s] Assistant: Pour. [initiative|instruction]\nThat is all."
        }
        #expect(held.requests.count == 2)
        #expect(
            held.requests[1].messages.last?.content.contains(
                "[2.1s] Assistant: Fill the kettle. [responsive|instruction]") == true)
        let dialogue = try #require(held.talk.outcome.outputs.first?.dialogue)
        #expect(dialogue.turns.map(\.content) == ["Tea please.", "Fill the kettle.", "Odd.", "Pour."])
        #expect(
            dialogue.turns.map(\.labels?.text) == [
                nil, "responsive|instruction", "initiative|other", "initiative|instruction",
            ])
        #expect(dialogue.lineage.answers.count == 2)
        #expect(dialogue.activity.clips.isEmpty)
        let counts = held.talk.counts
        #expect(counts["dropped.unknown-role"] == 1)
        #expect(counts["dropped.after-clip"] == 1)
        #expect(counts["dropped.bad-label"] == 1)
        #expect(counts["dropped.not-a-turn"] == 1)
        #expect(counts["free-text"] == 1)
        #expect(counts["turns"] == 4)
    }

    @Test func turnsAreInOrderOfTime() throws {
        func turn(_ time: Double, _ text: String) -> String {
            #"{"time":\#(time),"role":"assistant","text":"\#(text)"}"#
        }
        let held = try HeldConversation(Self.converse().conversation(about: .dialogue(Self.wanted))) { _, number in
            let turns = number == 0 ? [turn(8, "c"), turn(3, "a"), turn(5, "b"), turn(5, "still b")] : [turn(25, "d")]
            return #"{"turns":["# + turns.joined(separator: ",") + "]}"
        }
        let dialogue = try #require(held.talk.outcome.outputs.first?.dialogue)
        #expect(dialogue.turns.map(\.content) == ["a", "b still b", "c", "d"])
        #expect(dialogue.turns.map(\.time) == [3, 5, 8, 25])
        #expect(held.talk.counts["reordered"] == 1)
    }

    @Test func refiningDoublesTheRounds() throws {
        let talk = try Self.converse(refine: true).conversation(about: .dialogue(Self.wanted))
        let held = try HeldConversation(talk) { request, number in
            let time = number < 2 ? 3 : 23
            let text = request.messages.last?.content.hasPrefix("REFINE") == true ? "better" : "draft"
            return "{\"turns\":[{\"time\":\(time),\"role\":\"assistant\",\"text\":\"\(text)\"}]}"
        }
        #expect(held.requests.count == 4)
        #expect(held.requests[1].messages.last?.content == "REFINE [3.0s] Assistant: draft\n")
        #expect(held.talk.outcome.outputs.first?.dialogue?.turns.map(\.content) == ["better", "better"])
    }

    @Test func aFailedRoundEndsTheDialogueWithItsTurns() throws {
        let talk = try Self.converse().conversation(about: .dialogue(Self.wanted))
        let held = try HeldConversation(talk) { _, number in
            number == 0 ? "[3s] Assistant: Fill it." : "I cannot."
        }
        #expect(held.requests.count == 3)
        let failure = try #require(held.talk.outcome.failure)
        #expect(failure.reason == "unusable-answer")
        #expect(failure.message.contains("round 2 of 2"))
        #expect(failure.message.contains("[3.0s] Assistant: Fill it."))
        #expect(held.talk.counts["repairs"] == 1)
    }

    @Test func dialoguesOfOneTypeHaveSeedsOfTheirOwn() throws {
        let step = try Self.converse()
        let seeds = (0..<10).map { ordinal -> Int? in
            var talk = step.conversation(
                about: .dialogue(Dialogue(about: Self.activity, userType: "talk_some", ordinal: ordinal)))
            guard case .asks(let requests) = talk.begin() else { return nil }
            return requests[0].seed
        }
        #expect(Set(seeds).count == 10)
    }

    // MARK: Progress

    private static func spoken() -> Dialogue {
        var dialogue = Self.wanted
        dialogue.turns = [
            DialogueTurn(.user, 2, "Tea."), DialogueTurn(.assistant, 2, "Fill.", labels: .unknown),
            DialogueTurn(.assistant, 12.26, "Boil.", labels: .unknown),
        ]
        return dialogue
    }

    @Test(arguments: [ProgressStep.Requests.turn, .dialogue])
    func progressIsAskedForAtOnceOrByTurn(requests: ProgressStep.Requests) throws {
        let step = try ProgressStep(
            StepConfiguration.model {
                $0.set(ProgressStep.prompt, StepConfiguration.file("p", "@system\ns\n@user\n{{dialogue}}"))
                $0.set(ProgressStep.requests, requests)
            }, StepConfiguration.context)
        let talk = step.conversation(about: .dialogue(Self.spoken()))
        let held = try HeldConversation(talk) { _, number in
            guard requests == .turn else {
                return """
                    {"summaries":[{"turn":2,"summary":"A."},{"turn":3,"summary":"B: c."},{"turn":1,"summary":"no"}]}
                    """
            }
            return number == 0 ? "{\"summary\":\"A.\"}" : "SUMMARY: B: c."
        }
        #expect(held.requests.count == (requests == .turn ? 2 : 1))
        // A summary a turn of the assistant, so that a small model finds an end.
        #expect(requests == .turn || held.requests[0].schema?.contains(#""maxItems":2,"#) == true)
        let turns = try #require(held.talk.outcome.outputs.first?.dialogue?.turns)
        #expect(turns[0].progress == nil)
        #expect(turns[1].progress == "The time elapsed since the start of the task is 2.0 seconds. A.")
        #expect(turns[2].progress == "The time elapsed since the start of the task is 12.3 seconds. B: c.")
    }

    @Test func aClipHasTimeForSoManyTurns() throws {
        for (seconds, most) in [(-5, 4), (0, 4), (9, 5), (120, 60), (400, 200), (1e300, 200), (.nan, 200)] {
            #expect(TurnAnswer.most(in: Interval(0, seconds)) == most, "\(seconds) s")
        }
        var talk = try Self.converse().conversation(about: .dialogue(Self.wanted))
        guard case .asks(let requests) = talk.begin() else { return }
        let most = TurnAnswer.most(in: Self.activity.clips[0].span)
        #expect(requests[0].schema?.contains("\"maxItems\":\(most),") == true)
    }

    @Test func anEndPassesThrough() throws {
        let end = DialogueEvent.end(EndOfDialogues(dataset: "ego4d", videoUID: "v", wanted: 3))
        #expect(try Self.converse().conversation(about: end).outcome.outputs == [end])
        let step = try ProgressStep(Configuration(), StepConfiguration.context)
        #expect(step.conversation(about: end).outcome.outputs == [end])
        var configuration = StepConfiguration.model()
        configuration.set(
            JudgeStep<DialogueEvent>.rubric, FileReference(path: "j", content: "@system\noverall\n@user\n{{dialogue}}"))
        configuration.set(JudgeStep<DialogueEvent>.criteria, ["overall"])
        let judge = try JudgeStep<DialogueEvent>(configuration, StepConfiguration.context)
        let passed = judge.conversation(about: end)
        #expect(passed.outcome.outputs == [end])
        #expect(passed.callsToCome == 0...0)
        let held = try HeldConversation(judge.conversation(about: .dialogue(Self.spoken()))) { request, _ in
            #expect(request.messages.last?.content.contains("[2.0s] Assistant: Fill.") == true)
            return #"{"reason":"x","scores":{"overall":4}}"#
        }
        #expect(held.talk.outcome.outputs.first?.scores == JudgeScores(["overall": 4]))
    }

    @Test func tasksAreVotedFor() throws {
        let tasks = #"[{"name":"Omelette","steps":["Beat","Fry"]},{"name":"Tea","steps":["Boil"]}]"#
        let step = try GoalStep(
            StepConfiguration.model {
                $0.set(GoalStep.draftPrompt, StepConfiguration.file("d", "@system\ns\n@user\n{{steps}}"))
                $0.set(GoalStep.mergePrompt, StepConfiguration.file("m", "@system\ns\n@user\n{{drafts}}"))
                $0.set(GoalStep.matchPrompt, StepConfiguration.file("v", "@system\ns\n@user\n{{tasks}}{{steps}}"))
                $0.set(GoalStep.tasks, StepConfiguration.file("t", tasks))
                $0.set(ModelOptions.samples, 3)
            }, StepConfiguration.context)
        let held = try HeldConversation(step.conversation(about: Self.activity)) { request, number in
            let shown = request.messages.last?.content ?? ""
            #expect(shown.hasPrefix("Task 1: Omelette\n1. Beat\n2. Fry\n\nTask 2: Tea\n1. Boil\n"))
            return number == 0 ? #"{"reason":"x","answer":1}"# : "I think.\nANSWER: 2"
        }
        #expect(held.talk.outcome.outputs.first?.knowledge == "Tea\n1. Boil\n")
    }

    // MARK: Rules to sequences

    @Test func rulesMakeSequencesOfAnActivity() throws {
        var users = try UsersOperator(Configuration(), StepConfiguration.context)
        var wanted = Collector<DialogueEvent>(step: "users")
        let known = try #require(
            try GoalStep(Configuration(), StepConfiguration.context).conversation(about: Self.activity).outcome.outputs
                .first)
        users.process(Element(key: nil, value: known, origin: 0), into: &wanted)
        #expect(wanted.elements.count == 11)
        let converse = try ConverseStep(Configuration(), StepConfiguration.context)
        let progress = try ProgressStep(Configuration(), StepConfiguration.context)
        var score = try ScoreOperator(Configuration(), StepConfiguration.context)
        var scored = Collector<DialogueEvent>(step: "score")
        for element in wanted.elements {
            let spoken = try #require(converse.conversation(about: element.value).outcome.outputs.first)
            let summed = try #require(progress.conversation(about: spoken).outcome.outputs.first)
            score.process(Element(key: nil, value: try Self.reread(summed), origin: element.origin), into: &scored)
        }
        // Half of the video's dialogues are restored from the state.
        var choose = try ChooseOperator(Configuration(), StepConfiguration.context)
        var chosen = Collector<DialogueEvent>(step: "choose")
        for element in scored.elements.prefix(5) { choose.process(element, into: &chosen) }
        let entries = choose.stateChanges().compactMap { change in
            change.value.map { StateEntry(key: change.key, value: $0) }
        }
        #expect(entries.count == 5)
        var restored = try ChooseOperator(Configuration(), StepConfiguration.context)
        try restored.restore(entries)
        #expect(restored.openCount == 1)
        for element in scored.elements.dropFirst(5) { restored.process(element, into: &chosen) }
        #expect(restored.openCount == 0)
        #expect(restored.stateChanges().count { $0.value == nil } >= 5)
        let dialogues = chosen.elements.compactMap(\.value.dialogue)
        #expect(dialogues.count == 10)
        #expect(dialogues.allSatisfy { $0.split == "train" && ($0.quality?.total ?? 0) > 5 })
        #expect(Set(dialogues.map(\.dialogueID)).count == 10)
        #expect(dialogues.filter { $0.userType == "no_talk" }.allSatisfy { $0.turns.count { $0.role == .user } == 1 })
        var configuration = Configuration()
        configuration.set(SequenceOperator.knowledge, true)
        var pack = try SequenceOperator(configuration, StepConfiguration.context)
        var packed = Collector<TrainingSequence>(step: "sequence")
        for element in chosen.elements { pack.process(element, into: &packed) }
        #expect(packed.elements.count == 10)
        for sequence in packed.elements.map(\.value) {
            #expect(sequence.metadata.progress?.contains("The user wants to make tea.") == true)
            #expect(
                try JSONScanner.scan(sequence.json) { json throws(JSONError) in try TrainingSequence(json: &json) }
                    == sequence)
        }
    }

    private static func reread(_ event: DialogueEvent) throws -> DialogueEvent {
        let read = try JSONScanner.scan(event.json) { json throws(JSONError) in try DialogueEvent(json: &json) }
        #expect(read == event)
        return read
    }

    @Test func samplesAreReadBack() throws {
        var dialogue = Self.spoken()
        dialogue.activity.lines = []
        dialogue.activity.clips = []
        dialogue.activity.stepDescriptions = ""
        dialogue.activity.stepCount = 0
        dialogue.activity.split = nil
        dialogue.activity.knowledge = "k"
        dialogue.quality = TimeScore(turnDistance: 0.5, lineDistance: 1, unanswered: 2)
        dialogue.scores = JudgeScores(["overall": 4])
        dialogue.split = "train"
        dialogue.weight = 2
        dialogue.lineage.model = "m"
        let sample = DialogueSample(dialogue)
        #expect(
            try JSONScanner.scan(sample.json) { json throws(JSONError) in try DialogueSample(json: &json) } == sample)
    }

    // MARK: The original's way

    @Test func copiesOfTheOriginalAreAWeight() throws {
        var configuration = Configuration()
        configuration.set(Manner.field, .original)
        configuration.set(ChooseOperator.ratio, 2)
        var choose = try ChooseOperator(configuration, StepConfiguration.context)
        var chosen = Collector<DialogueEvent>(step: "choose")
        for (ordinal, distance) in [0.5, 1.0, 9.0].enumerated() {
            var dialogue = Dialogue(about: Self.activity, userType: "no_talk", ordinal: ordinal)
            dialogue.quality = TimeScore(turnDistance: distance, lineDistance: 0, unanswered: 0)
            choose.process(Element(key: nil, value: .dialogue(dialogue), origin: Offset(ordinal)), into: &chosen)
        }
        let end = EndOfDialogues(dataset: Self.activity.dataset, videoUID: Self.activity.videoUID, wanted: 3)
        choose.process(Element(key: nil, value: .end(end), origin: 3), into: &chosen)
        let dialogues = chosen.elements.compactMap(\.value.dialogue)
        // Ascending by score, and each twice.
        #expect(dialogues.map(\.ordinal) == [1, 0])
        #expect(dialogues.allSatisfy { $0.weight == 2 })
    }

    @Test func theOriginalsScoreFindsTimesInTexts() throws {
        var dialogue = Self.spoken()
        dialogue.activity.lines = [ActivityLine(level: .step, start: 2, end: 9, text: "read [4-5-6]")]
        func count(_ manner: Manner) throws -> (scored: Int, rejected: Int) {
            var configuration = Configuration()
            configuration.set(Manner.field, manner)
            var score = try ScoreOperator(configuration, StepConfiguration.context)
            var collector = Collector<DialogueEvent>(step: "score")
            score.process(Element(key: nil, value: .dialogue(dialogue), origin: 0), into: &collector)
            return (collector.elements.count, collector.notes.letters.count)
        }
        // A bracket with two hyphens ends the original's reading of a video.
        #expect(try count(.mended) == (1, 0))
        #expect(try count(.original) == (0, 1))
    }

    @Test func onlySomeDataSetsAreVotedOn() throws {
        let step = try LabelStep(
            StepConfiguration.model {
                $0.set(LabelStep.prompt, StepConfiguration.file("p", "@system\ns\n@user\n{{steps}}"))
            }, StepConfiguration.context)
        var activity = Self.activity
        activity.dataset = "holoassist"
        #expect(step.conversation(about: activity).outcome.outputs == [activity])
        #expect(step.conversation(about: activity).callsToCome == 0...0)
    }

    @Test func tasksAreOfTheirDataSet() throws {
        let tasks = #"[{"dataset":"wtag","name":"Make mug cake","knowledge":"Mug Cake\n1. Stir."}]"#
        var configuration = Configuration()
        configuration.set(GoalStep.tasks, StepConfiguration.file("t", tasks))
        let step = try GoalStep(configuration, StepConfiguration.context)
        var activity = Self.activity
        #expect(step.conversation(about: activity).outcome.outputs.first?.knowledge != "Mug Cake\n1. Stir.")
        activity.dataset = "wtag"
        #expect(step.conversation(about: activity).outcome.outputs.first?.knowledge == "Mug Cake\n1. Stir.")
    }

    // MARK: Hostile input

    @Test func noAnswerTraps() throws {
        let seeds = [
            #"{"turns":[{"time":2,"role":"user","text":"Tea please."},{"time":"0:03","role":"assistant","text":"x [initiative|other]"}]}"#,
            "[2.0s] User: hi\n- **[1:02] Assistant (low):** (waits)\n[3s-4s] Assistant: a [b] c [responsive|info]",
        ]
        for input in Fuzz("dialogue-answer", seeds: seeds, tokens: .json, bytesMax: 16 << 10) {
            let text = String(decoding: input.bytes, as: UTF8.self)
            _ = try? TurnLines.readAsOriginal(text, labelled: true)
            guard let answer = try? ChatAnswer(saying: text), let read = TurnAnswer.read(answer, labelled: true) else {
                continue
            }
            let turns = Spacing.adjusted(read.reading.turns)
            try #require(turns.allSatisfy { $0.time.isFinite && !$0.content.isEmpty }, "\(input)")
            try #require(
                turns.allSatisfy { $0.role == .user ? $0.labels == nil : $0.labels != nil }, "\(input)")
            let framed = FramedDialogue.turns(turns.map { SequenceTurn($0) }, rate: 2, frameCount: 1_000)
            try #require(framed.filter { $0.role == .frames }.allSatisfy { !$0.frames.isEmpty }, "\(input)")
        }
    }

    @Test func noRecordTraps() throws {
        var dialogue = Self.spoken()
        dialogue.quality = TimeScore(turnDistance: 0.5, lineDistance: 1, unanswered: 2)
        let seeds = [DialogueEvent.dialogue(dialogue).json, DialogueSample(dialogue).json, Self.activity.json]
        for input in Fuzz("dialogue-record", seeds: seeds, tokens: .json, bytesMax: 16 << 10) {
            if let event = try? JSONScanner.scan(
                input.bytes, { json throws(JSONError) in try DialogueEvent(json: &json) })
            {
                let again = try? JSONScanner.scan(event.json) { json throws(JSONError) in try DialogueEvent(json: &json)
                }
                try #require(again == event, "\(input)")
                if let read = event.dialogue {
                    _ = TimeScore(read.turns, against: TimeScore.LineTimes(of: read.activity.lines))
                    _ = RuleSpeaker.turns(of: read)
                }
            }
            _ = try? JSONScanner.scan(input.bytes) { json throws(JSONError) in try DialogueSample(json: &json) }
            _ = try? JSONScanner.scan(input.bytes) { json throws(JSONError) in try TrainingSequence(json: &json) }
        }
    }
}
