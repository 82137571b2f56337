// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records
public import VideoAnnotations

/// A query as a writer proposes it, not yet judged.
public struct Candidate: Hashable, Sendable {
    /// The indices of the narrations that it says it is about.
    public var narrationIDs: [Int]
    /// The name of the template it says it follows.
    public var template: String
    /// The question.
    public var query: String

    /// Creates a candidate.
    public init(narrationIDs: [Int], template: String, query: String) {
        self.narrationIDs = narrationIDs
        self.template = template
        self.query = query
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.key("narration_ids")
        json.beginArray()
        for id in self.narrationIDs { json.value(id) }
        json.endArray()
        json.field("template", self.template)
        json.field("query", self.query)
        json.endObject()
    }

    init(json: inout JSONScanner) throws(JSONError) {
        var ids: [Int]?
        var template: String?
        var query: String?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "narration_ids" {
                var list: [Int] = []
                try json.beginArray()
                while try json.nextElement() { list.append(try json.int()) }
                ids = list
            } else if key == "template" {
                template = try json.string()
            } else if key == "query" {
                query = try json.string()
            } else {
                try json.skip()
            }
        }
        guard let ids, let template, let query else {
            throw JSONError("a candidate wants `narration_ids`, `template` and `query`", offset: json.offset)
        }
        self.init(narrationIDs: ids, template: template, query: query)
    }

    /// Candidates in the form in which a model is asked for them.
    static func json(_ candidates: [Candidate]) -> Bytes {
        var json = JSONWriter()
        self.write(candidates, to: &json)
        return json.bytes
    }

    fileprivate static func write(_ candidates: [Candidate], to json: inout JSONWriter) {
        json.beginArray()
        for candidate in candidates { candidate.write(to: &json) }
        json.endArray()
    }
}

/// A gap in an answer: a narration without a query, and the reason.
public struct AnswerGap: Hashable, Sendable {
    /// The index of the narration.
    public var narrationID: Int
    /// A short code to count by: `no-object`.
    public var reason: String

    /// Creates a gap.
    public init(narrationID: Int, reason: String) {
        self.narrationID = narrationID
        self.reason = reason
    }
}

/// The answer of a writer, a model or a rule, to a block.
public struct Answer: Hashable, Sendable {
    /// The block.
    public var block: Block {
        get { self.reading.block }
        set { self.reading = BlockReading(newValue) }
    }
    /// The block with its narrations read.
    private(set) var reading: BlockReading
    /// The hash of the prompt it answers.
    public var promptHash: String
    /// SHA-256 of the answer's text as it came, in hexadecimal.
    public var answerHash: String
    /// The queries it proposes.
    public var candidates: [Candidate]
    /// The narrations it has no query for.
    public var gaps: [AnswerGap]

    /// Creates an answer.
    public init(
        block: Block, promptHash: String, answerHash: String, candidates: [Candidate], gaps: [AnswerGap] = []
    ) {
        self.init(
            reading: BlockReading(block), promptHash: promptHash, answerHash: answerHash, candidates: candidates,
            gaps: gaps)
    }

    /// Creates an answer about a block that has been read.
    init(
        reading: BlockReading, promptHash: String, answerHash: String, candidates: [Candidate], gaps: [AnswerGap]
    ) {
        self.reading = reading
        self.promptHash = promptHash
        self.answerHash = answerHash
        self.candidates = candidates
        self.gaps = gaps
    }
}

extension Answer: StreamValue {
    /// The name in topologies and headers.
    public static var typeName: String { "answer" }
    /// The version of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.key("block")
        self.block.write(to: &json)
        json.field("prompt", self.promptHash)
        json.field("answer", self.answerHash)
        json.key("candidates")
        Candidate.write(self.candidates, to: &json)
        json.key("gaps")
        json.beginArray()
        for gap in self.gaps {
            json.beginObject()
            json.field("narration_id", gap.narrationID)
            json.field("reason", gap.reason)
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var block: Block?
        var promptHash: String?
        var answerHash: String?
        var candidates: [Candidate] = []
        var gaps: [AnswerGap] = []
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "block" {
                block = try Block(json: &json)
            } else if key == "prompt" {
                promptHash = try json.string()
            } else if key == "answer" {
                answerHash = try json.string()
            } else if key == "candidates" {
                try json.beginArray()
                while try json.nextElement() { candidates.append(try Candidate(json: &json)) }
            } else if key == "gaps" {
                try json.beginArray()
                while try json.nextElement() { gaps.append(try AnswerGap(json: &json)) }
            } else {
                try json.skip()
            }
        }
        guard let block, let promptHash, let answerHash else {
            throw JSONError("an answer wants `block`, `prompt` and `answer`", offset: json.offset)
        }
        self.init(
            block: block, promptHash: promptHash, answerHash: answerHash, candidates: candidates, gaps: gaps)
    }
}

extension AnswerGap {
    fileprivate init(json: inout JSONScanner) throws(JSONError) {
        var id: Int?
        var reason: String?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "narration_id" {
                id = try json.int()
            } else if key == "reason" {
                reason = try json.string()
            } else {
                try json.skip()
            }
        }
        guard let id, let reason else {
            throw JSONError("a gap wants `narration_id` and `reason`", offset: json.offset)
        }
        self.init(narrationID: id, reason: reason)
    }
}
