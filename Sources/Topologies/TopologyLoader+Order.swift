// SPDX-License-Identifier: Apache-2.0

import Dataflow

extension TopologyLoader {
    /// Puts each stage behind those it reads from, and reports circles, topics written twice, and likely misspellings.
    mutating func order(_ drafts: [StageDraft]) -> [StageDraft] {
        var writers: [String: StageDraft] = [:]
        for draft in drafts {
            for topic in draft.writtenTopics {
                if let other = writers[topic] {
                    self.reader.report(
                        draft.toMark, "topic `\(topic)` is written by the stages `\(other.name)` and `\(draft.name)`")
                }
                writers[topic] = draft
            }
        }
        self.checkShardSets(drafts)
        self.checkSources(drafts, written: Array(writers.keys))
        var ordered: [StageDraft] = []
        var waiting = drafts
        while !waiting.isEmpty {
            let ready = waiting.filter { draft in
                guard let writer = writers[draft.from] else { return true }
                return ordered.contains { $0.name == writer.name }
            }
            if ready.isEmpty {
                let circle = waiting.map { "`\($0.name)`" }.joined(separator: ", ")
                self.untold.formUnion(waiting.map(\.from))
                self.reader.report(waiting.first?.mark, "a cycle: the stages \(circle) wait for each other's output")
                return drafts
            }
            ordered.append(contentsOf: ready)
            waiting.removeAll { draft in ready.contains { $0.name == draft.name } }
        }
        return ordered
    }

    private mutating func checkShardSets(_ drafts: [StageDraft]) {
        var writers: [String: String] = [:]
        for draft in drafts {
            guard case .shards(let shards)? = draft.destination else { continue }
            if let other = writers[shards.name] {
                self.reader.report(
                    draft.toMark, "the shards `\(shards.name)` are written by the stages `\(other)` and `\(draft.name)`"
                )
            }
            writers[shards.name] = draft.name
        }
    }

    /// A topic that no stage writes comes from outside, unless it looks like a slip of the pen.
    private mutating func checkSources(_ drafts: [StageDraft], written: [String]) {
        let read = Set(drafts.map(\.from))
        for draft in drafts where !written.contains(draft.from) {
            // A stage that meant its own output would be a cycle.
            let unread = written.filter { !read.contains($0) && !draft.writtenTopics.contains($0) }
            if let nearest = Spelling.nearest(to: draft.from, among: unread) {
                self.untold.insert(draft.from)
                self.reader.report(
                    draft.fromMark, "no stage writes the topic `\(draft.from)`; did you mean `\(nearest)`?")
            }
        }
    }
}
