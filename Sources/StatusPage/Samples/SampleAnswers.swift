// SPDX-License-Identifier: Apache-2.0

import Codecs
import Operations
import Records
import Shards
import StatusServer
import TaskRooms

/// Answers questions about samples: a search, one of them, and where it came from.
struct SampleAnswers: Sendable {
    /// The seconds for which the log and the cache are looked through for one sample's lineage.
    static let lineageSeconds = 8.0
    /// The threads that look for an id: the work goes on beside.
    private static let threads = 2

    private let sources: PageSources
    private let sets: SetReading

    init(_ sources: PageSources, _ states: StateReading) {
        self.sources = sources
        self.sets = states.sets
    }

    // MARK: Search

    /// The samples that fit: an id exactly, wherever it is; a text in the newest shards, within bounds.
    @Sendable func search(_ request: StatusRequest) throws -> StatusAnswer {
        try Question.answering {
            let question = Question(request)
            let sets = try self.named(question.text("set"))
            let place = try question.value("from", "the `next` of an earlier answer") { SearchPlace($0) }
            let text = question.text("text")
            if place == nil, let text, Self.isID(text), let hit = try self.find(text, in: sets) {
                return .json(SampleDocument.found(hit))
            }
            var members: [String: String] = [:]
            if let template = question.text("template") { members["template"] = template }
            if let member = question.text("member") { members[member] = question.text("is") ?? "" }
            let filter = SampleFilter(text: text, members: members, video: question.text("video"))
            let search = SampleSearch(
                try sets.map { SampleSearch.Source(try self.sets.manifest($0), in: self.files($0)) })
            guard let outcome = search.run(filter, before: place) else {
                throw Question.Fault(text: "the shard that the search had come to is gone; search anew")
            }
            return .json(SampleDocument.outcome(outcome))
        }
    }

    /// Tells whether a text may be an id: one word with a digit in it.
    static func isID(_ text: String) -> Bool {
        text.utf8.count >= 4 && text.unicodeScalars.contains { ("0"..."9").contains($0) }
            && text.unicodeScalars.allSatisfy { !$0.properties.isWhitespace }
    }

    private func named(_ set: String?) throws -> [String] {
        let names = try self.sets.names()
        guard let set else { return names }
        guard names.contains(set) else { throw Question.Fault(text: "there is no shard set `\(set.cut(to: 80))`") }
        return [set]
    }

    private func files(_ set: String) -> any ShardStorage { self.sources.storage(set) }

    private func find(_ id: String, in sets: [String]) throws -> FoundSample? {
        for set in sets {
            let search = LineSearch(in: self.files(set), threads: Self.threads)
            guard let hit = try search.first(id: id, in: try self.sets.manifest(set)) else { continue }
            return FoundSample(set: set, file: hit.file, line: hit.line)
        }
        return nil
    }

    // MARK: One sample

    /// One sample whole, with the times that are in it.
    @Sendable func sample(_ request: StatusRequest) throws -> StatusAnswer {
        try Question.answering { .json(SampleDocument.sample(try self.found(Question(request)))) }
    }

    /// The explanation of one sample, as `millrace explain` has it, within bounds.
    @Sendable func lineage(_ request: StatusRequest) throws -> StatusAnswer {
        try Question.answering {
            let found = try self.found(Question(request))
            return .json(
                SampleDocument.explanation(try self.sources.explain(found, .now + .seconds(Self.lineageSeconds))))
        }
    }

    /// The sample at the place that is named, if it has the id that is named; else that with the id.
    private func found(_ question: Question) throws -> FoundSample {
        let id = question.text("id")
        let line = try question.value("line", "FRAME.INDEX") { SampleLine($0) }
        let sets = try self.named(question.text("set"))
        if let set = question.text("set"), let file = question.text("shard"), let line {
            let source = SampleSearch.Source(try self.sets.manifest(set), in: self.files(set))
            if let sample = try? SampleSearch.sample(line, of: file, in: source) {
                let summary = (try? JSONValue(parsing: sample.bytes)).map { SampleSummary($0) }
                if id == nil || summary?.id == id { return FoundSample(set: set, file: file, line: sample.bytes) }
            }
        }
        guard let id else {
            throw Question.Fault(text: "there is no such sample; give its `id`, or `set`, `shard`, `line`")
        }
        guard let found = try self.find(id, in: sets) else {
            throw Question.Fault(
                text: "no sample has the id `\(id.cut(to: 80))` in the shards: \(sets.joined(separator: ", "))")
        }
        return found
    }
}
