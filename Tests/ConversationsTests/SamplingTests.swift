// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Testing

@Suite("Samples") struct SamplingTests {
    private func options(_ samples: Int, seed: Int? = nil) throws -> ModelOptions {
        var configuration = Configuration()
        configuration.set(ModelOptions.model, "m")
        configuration.set(ModelOptions.temperature, 0.7)
        configuration.set(ModelOptions.samples, samples)
        configuration.set(ModelOptions.seed, seed)
        return try ModelOptions(configuration)
    }

    private let form: StructuredAnswer

    init() throws {
        self.form = try StructuredAnswer(
            schema: #"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#)
    }

    private func sampled(_ samples: Int, record: String = "r", stage: String = "s", seed: Int? = nil) throws -> Sampled<
        StructuredTalk
    > {
        let options = try self.options(samples, seed: seed)
        return Sampled(options, of: record, in: stage) {
            StructuredTalk([ChatMessage(role: .user, content: "say n")], self.form, options, $0)
        }
    }

    private func first(_ talk: Sampled<StructuredTalk>) -> [ChatRequest] {
        var talk = talk
        guard case .asks(let requests) = talk.begin() else { return [] }
        return requests
    }

    @Test("One sample has the bytes and the key that a request has without samples")
    func one() throws {
        let plain = try ChatRequest(
            model: "m", messages: [ChatMessage(role: .user, content: "say n")], schema: self.form.schema,
            temperature: 0.7, maxTokens: 1024)
        let requests = self.first(try self.sampled(1))
        #expect(
            requests == [plain] && requests[0].canonical == plain.canonical
                && requests[0].withoutImages == plain.withoutImages)
        #expect(!String(decoding: plain.canonical, as: UTF8.self).contains("sample"))
        #expect(self.first(try self.sampled(1, record: "other")) == requests, "equal requests share an answer")
    }

    @Test("Each of several has a seed and a key of its own, from the record, the stage, its number and the round alone")
    func several() throws {
        let requests = self.first(try self.sampled(4))
        #expect(requests.map(\.sample) == [1, 2, 3, 4])
        #expect(Set(requests.map(\.seed)).count == 4 && Set(requests.map(\.key)).count == 4)
        #expect(requests.allSatisfy { (0..<1 << 31).contains($0.seed ?? -1) })
        #expect(self.first(try self.sampled(4)) == requests)
        let others = [
            try self.sampled(4, record: "r2"), try self.sampled(4, stage: "s2"), try self.sampled(4, seed: 1),
        ]
        for other in others {
            #expect(Set(self.first(other).map(\.seed)).isDisjoint(with: requests.map(\.seed)))
        }
        let sampling = Sampling(record: "r", stage: "s", ordinal: 1)
        #expect(sampling.seed(round: 0) == requests[0].seed && sampling.seed(round: 1) != requests[0].seed)
        // Another sampling must not be spelled alike.
        #expect(Sampling(record: "r\",\"s", stage: "", ordinal: 1).seed(round: 0) != sampling.seed(round: 0))
    }

    @Test("A seed never changes", arguments: [("r", "s", 1, 0, 493_496_350)])
    func frozen(record: String, stage: String, ordinal: Int, round: Int, seed: Int) {
        #expect(Sampling(record: record, stage: stage, ordinal: ordinal).seed(round: round) == seed)
    }

    @Test("The number is in the key and not in what is sent: a server that heeds no seed is asked for each")
    func withoutSeeds() {
        let message = [ChatMessage(role: .user, content: "x")]
        let requests = (1...2).compactMap { try? ChatRequest(model: "m", messages: message, sample: $0) }
        #expect(
            requests.count == 2 && requests[0].key != requests[1].key
                && requests[0].withoutImages == requests[1].withoutImages)
    }

    @Test("Each sample is repaired by itself; what fails is counted where others do not")
    func repairs() throws {
        var open = OpenConversation(try self.sampled(3))
        let first = (0..<3).compactMap { _ in open.takeUnsent() }
        #expect(open.talk.callsToCome == 0...3)
        open.take(.answer(.saying(#"{"n":3}"#)), to: 2)
        open.take(.answer(.saying("no")), to: 0)
        open.take(.answer(.saying(#"{"n":2}"#)), to: 1)
        let repair = open.takeUnsent()
        #expect(first.count == 3 && repair?.request.sample == 1 && repair?.request.seed != first[0].request.seed)
        #expect(open.talk.callsToCome == 0...0 && !open.isOver)
        open.take(.refused(RequestFailure(reason: "context-length", message: "too long")), to: 3)
        #expect(open.isOver)
        #expect(open.talk.outcome.outputs.compactMap { $0["n"]?.int } == [2, 3] && open.talk.outcome.failure == nil)
        #expect(
            open.talk.counts == ["repairs": 1, "answer.no-object": 1, "sample-failed.context-length": 1])
    }

    @Test("A record fails where all its samples do")
    func allFail() throws {
        var open = OpenConversation(try self.sampled(2))
        while let question = open.takeUnsent() {
            open.take(
                .refused(RequestFailure(reason: "bad-request", message: "\(question.number)")), to: question.number)
        }
        #expect(open.isOver && open.talk.outcome.failure == RequestFailure(reason: "bad-request", message: "0"))
        #expect(open.talk.counts.isEmpty)
    }
}

@Suite("Structured answers") struct StructuredAnswerTests {
    private func read(_ text: String, finish: String = "stop") throws -> Result<JSONValue, StructuredAnswer.Faults> {
        let form = try StructuredAnswer(
            schema: """
                {"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":5},
                "kind":{"type":"string","enum":["a","b"]},"marks":{"type":"array","items":{"type":"integer","minimum":0,
                "maximum":9},"minItems":1}},"required":["name","marks"]}
                """)
        do throws(StructuredAnswer.Faults) {
            return .success(try form.read(.saying(text, finish: finish)))
        } catch {
            return .failure(error)
        }
    }

    @Test(
        "The last object that fits is taken, wherever it stands",
        arguments: [
            #"{"name":"x","marks":[1,2]}"#,
            "Sure:\n```json\n{\"name\":\"x\",\"marks\":[1,2.0],\"extra\":null}\n```\nDone.",
            #"<think>{"name":"draft","marks":[3]}</think>{"marks":[1,2],"name":"x"}"#,
            #"{"name":"y","marks":[4]} no, better: {"name":"x","marks":[1,2]} (not {"name":""})"#,
            #"{"name":"x","marks":[1,2,],}"#,
        ])
    func fits(text: String) throws {
        let value = try self.read(text).get()
        #expect(value["name"]?.string == "x" && value["marks"]?.array?.compactMap(\.int) == [1, 2])
    }

    @Test(
        "What does not fit is told by place",
        arguments: [
            (#"{"marks":[1]}"#, "`name` is missing."), (#"{"name":3,"marks":[1]}"#, "`name` must be a text."),
            (#"{"name":"x","marks":[]}"#, "`marks` must have 1 elements at least."),
            (#"{"name":"x","marks":[1,"2"]}"#, "`marks[1]` must be a whole number."),
            (#"{"name":"x","marks":[1,12]}"#, "`marks[1]` must be at most 9.0."),
            (#"{"name":"x","marks":[0.5]}"#, "`marks[0]` must be a whole number."),
            (#"{"name":"toolong","marks":[1]}"#, "`name` must have 5 characters at most."),
            (#"{"name":"x","kind":"c","marks":[1]}"#, #"`kind` must be one of "a", "b"."#),
            ("[1]", "It held no whole JSON object."), ("", "It was empty."), ("<think>hm", "It was empty."),
        ])
    func misfits(text: String, sentence: String) throws {
        guard case .failure(let faults) = try self.read(text) else {
            Issue.record("it fits")
            return
        }
        #expect(faults.sentences == [sentence])
    }

    @Test("What was cut off says so; what was filtered is not read")
    func ends() throws {
        #expect(throws: StructuredAnswer.Faults.self) { try self.read(#"{"name":"x","#, finish: "length").get() }
        guard case .failure(let cut) = try self.read(#"{"name":"x","#, finish: "length"),
            case .failure(let filtered) = try self.read(#"{"name":"x","marks":[1]}"#, finish: "content_filter")
        else {
            Issue.record("they fit")
            return
        }
        #expect(cut.all.map(\.code) == ["truncated"] && !cut.isRefusal)
        #expect(filtered.all.map(\.code) == ["content-filter"] && filtered.isRefusal)
    }
}

extension ChatRequest {
    /// The bytes to send; requests here show no image.
    fileprivate var withoutImages: Bytes {
        self.body { _ in preconditionFailure("no image is shown") }
    }
}
