// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Testing

@testable import Engine

/// All that a removal comprises, and why it is refused: from facts alone.
@Suite struct RemovalDecisionTests {
    private static let nlq = Owner(.topology, "nlq")
    private static let replay = Owner(.replay, "nlq.r1")

    private static func binding(
        _ owner: Owner, _ stage: String, from: String, topic: String? = nil, set: String = "", rejects: String? = nil
    ) -> Binding {
        Binding(
            owner: owner, stage: stage, from: from,
            output: topic.map { .init(kind: .topic, name: $0) } ?? .init(kind: .shards, name: set), rejects: rejects)
    }

    /// A home in which `nlq` and a replay of it have run, and another topology reads the same narrations.
    private static func facts() throws -> RemovalFacts {
        let bindings = [
            self.binding(self.nlq, "curate", from: "narrations", topic: "blocks"),
            self.binding(self.nlq, "generate", from: "blocks", topic: "queries", rejects: "queries.rejected"),
            self.binding(self.nlq, "land", from: "queries", set: "nlq"),
            self.binding(self.replay, "curate", from: "narrations", topic: "nlq.r1.blocks"),
            self.binding(self.replay, "generate", from: "nlq.r1.blocks", topic: "nlq.r1.queries"),
            self.binding(self.replay, "land", from: "nlq.r1.queries", set: "nlq.r1"),
            self.binding(Owner(.topology, "naq"), "land", from: "narrations", set: "naq"),
        ]
        var facts = RemovalFacts()
        var offset: Offset = 0
        func claim(_ subject: Claim.Subject, _ owner: Owner, _ stage: String?) throws {
            let record = OwnerRecord.claim(Claim(subject: subject, owner: owner, stage: stage), after: nil).record
            try facts.owners.apply(record, at: offset, of: Owners.partition)
            offset += 1
            facts.topics.insert(subject.topic)
        }
        for binding in bindings {
            try facts.owners.apply(OwnerRecord.binding(binding).record, at: offset, of: Owners.partition)
            offset += 1
            try claim(binding.output, binding.owner, binding.stage)
            if let rejects = binding.rejects {
                try claim(.init(kind: .topic, name: rejects), binding.owner, binding.stage)
            }
            try claim(.init(kind: .topic, name: "\(binding.owner.name).dead-letters"), binding.owner, nil)
            facts.commits[binding.group] = [binding.from]
            facts.writers.formUnion((0..<2).map { "\(binding.group).\($0)" })
        }
        for topic in ["narrations", "narrations.dead-letters"] {
            try claim(.init(kind: .topic, name: topic), .ingest, nil)
        }
        facts.topics.formUnion(["millrace-owners", "replay.nlq.r1", "stray"])
        facts.writers.formUnion(["ingest.narrations.ego4d", "ingest.narrations.jsonl", "ingest.narrations.more.x"])
        facts.topics.insert("narrations.more")
        return facts
    }

    private func plan(_ request: RemovalRequest, _ change: (inout RemovalFacts) -> Void = { _ in }) throws
        -> RemovalPlan
    {
        var facts = try Self.facts()
        change(&facts)
        return try RemovalDecision.plan(request, facts)
    }

    private func refusal(
        _ request: RemovalRequest, _ change: (inout RemovalFacts) -> Void = { _ in },
        at place: SourceLocation = #_sourceLocation
    ) throws -> String {
        let error = #expect(throws: RemovalRefusal.self, sourceLocation: place) { try self.plan(request, change) }
        return error?.message ?? ""
    }

    @Test("A set goes with the offsets and the state of the stage that lands it, and with nothing before")
    func set() throws {
        let plan = try self.plan(RemovalRequest(sets: ["nlq"]))
        #expect(plan.sets == ["nlq"])
        #expect(plan.topics == ["shards.nlq"])
        #expect(plan.groups == ["nlq.land"])
        #expect(plan.writers == ["nlq.land.0", "nlq.land.1"])
        #expect(plan.idleGroups == ["nlq.land"])
        #expect(plan.notes.contains { $0.contains("nlq.dead-letters") && $0.contains("nlq.generate") })
        #expect(plan.notes.contains { $0.contains("replays stay: `nlq.r1`") })
    }

    @Test("A set of a topology of one stage goes with its dead letters, which come again")
    func onlyStage() throws {
        let plan = try self.plan(RemovalRequest(sets: ["naq"]))
        #expect(plan.topics == ["naq.dead-letters", "shards.naq"])
        #expect(plan.groups == ["naq.land"])
    }

    @Test("A replay goes whole: topics, groups, state and bounds")
    func replay() throws {
        let plan = try self.plan(RemovalRequest(sets: ["nlq.r1"]))
        #expect(plan.sets == ["nlq.r1"])
        #expect(
            plan.topics == ["nlq.r1.blocks", "nlq.r1.dead-letters", "nlq.r1.queries", "replay.nlq.r1", "shards.nlq.r1"])
        #expect(plan.groups == ["nlq.r1.curate", "nlq.r1.generate", "nlq.r1.land"])
        #expect(plan.writers.count == 6 && plan.writers.allSatisfy { $0.hasPrefix("nlq.r1.") })
        // The names of the original's groups begin the same way.
        #expect(!plan.idleGroups.contains("nlq.land"))
    }

    @Test("A group that others read behind is reset with all of them, or not at all")
    func chain() throws {
        let refused = try self.refusal(RemovalRequest(groups: ["nlq.curate"]))
        for part in ["`nlq.generate` has read the topic `blocks`", "nlq.curate nlq.generate nlq.land", "drops `nlq`"] {
            #expect(refused.contains(part), "\(refused)")
        }
        #expect(try self.refusal(RemovalRequest(groups: ["nlq.curate", "nlq.generate"])).contains("nlq.land"))
        let plan = try self.plan(RemovalRequest(groups: ["nlq.land", "nlq.generate", "nlq.curate"]))
        #expect(plan.topics == ["blocks", "nlq.dead-letters", "queries", "queries.rejected", "shards.nlq"])
        #expect(plan.groups == ["nlq.curate", "nlq.generate", "nlq.land"])
        #expect(plan.sets == ["nlq"])
        #expect(plan.writers.count == 6)
        // One that has never committed anything needs nothing of the sort.
        let fresh = try self.plan(RemovalRequest(groups: ["nlq.generate"])) { $0.commits["nlq.land"] = nil }
        #expect(fresh.groups == ["nlq.generate"])
        // Kafka may have forgotten its offsets; its state has not.
        #expect(
            try self.refusal(RemovalRequest(groups: ["nlq.generate"])) {
                $0.commits["nlq.land"] = nil
                $0.writersWithState = ["nlq.land.1"]
            }.contains("nlq.land"))
    }

    @Test("A topic is deleted once nobody who stays has read or written it")
    func topics() throws {
        #expect(try self.plan(RemovalRequest(topics: ["stray"])).topics == ["stray"])
        let rejected = try self.plan(RemovalRequest(topics: ["queries.rejected"]))
        #expect(rejected.topics == ["queries.rejected"] && rejected.groups.isEmpty)
        #expect(rejected.idleGroups == ["nlq.generate"], "whoever writes it must not be at work")
        let letters = try self.plan(RemovalRequest(topics: ["nlq.dead-letters"]))
        #expect(letters.topics == ["nlq.dead-letters"])
        #expect(letters.idleGroups == ["nlq.curate", "nlq.generate", "nlq.land"])
        let refused = try self.refusal(RemovalRequest(topics: ["queries"]))
        #expect(
            refused.contains("millrace topics delete queries --group nlq.generate --group nlq.land"), "\(refused)")
        let plan = try self.plan(RemovalRequest(topics: ["queries"], groups: ["nlq.generate", "nlq.land"]))
        #expect(plan.topics == ["queries", "queries.rejected", "shards.nlq"])
    }

    @Test("What was taken again of dead letters goes with its stage, or with the letters")
    func retries() throws {
        func change(_ facts: inout RemovalFacts) {
            facts.topics.formUnion(["nlq.land.retries", "nlq.generate.retries"])
        }
        #expect(try self.plan(RemovalRequest(sets: ["nlq"]), change).topics == ["nlq.land.retries", "shards.nlq"])
        let refused = try self.refusal(RemovalRequest(topics: ["nlq.land.retries"]), change)
        #expect(refused.contains("name `nlq.dead-letters` as well"), "\(refused)")
        let plan = try self.plan(RemovalRequest(topics: ["nlq.land.retries", "nlq.dead-letters"]), change)
        #expect(plan.topics == ["nlq.dead-letters", "nlq.land.retries"])
        #expect(plan.idleGroups == ["nlq.curate", "nlq.generate", "nlq.land"])
    }

    @Test("A topic that ingest fills goes with its ledgers, and with all that was made of it")
    func ingested() throws {
        let refused = try self.refusal(RemovalRequest(topics: ["narrations"]))
        for group in ["naq.land", "nlq.curate", "nlq.generate", "nlq.land", "nlq.r1.curate"] {
            #expect(refused.contains("--group \(group)"), "\(refused)")
        }
        let plan = try self.plan(RemovalRequest(topics: ["narrations"])) { $0.commits = [:] }
        #expect(plan.topics == ["narrations", "narrations.dead-letters"])
        #expect(plan.writers == ["ingest.narrations.ego4d", "ingest.narrations.jsonl"])
        #expect(plan.idleGroups.contains("nlq.curate"), "a run that has not committed yet reads it, too")
    }

    @Test("Names that the program keeps are refused, with what to say instead")
    func reserved() throws {
        for (topic, part) in [
            ("shards.nlq", "millrace shards drop nlq"), ("replay.nlq.r1", "millrace shards drop nlq.r1"),
            ("millrace-owners", "owners"), ("millrace-removals", "removals"),
            ("millrace-state.nlq.land.0", "groups reset"), ("__consumer_offsets", "brokers"),
        ] {
            let refused = try self.refusal(RemovalRequest(topics: [topic])) { $0.topics.insert(topic) }
            #expect(refused.contains(part), "\(refused)")
        }
        #expect(try self.refusal(RemovalRequest(sets: ["none"])).contains("there are: naq, nlq, nlq.r1"))
        #expect(try self.refusal(RemovalRequest(topics: ["none"])).contains("there are: "))
        #expect(try self.refusal(RemovalRequest(groups: ["none"])).contains("nlq.land"))
    }

    @Test("Groups that nobody wrote down, and sets of earlier versions, are not guessed at")
    func unknown() throws {
        let stranger = try self.refusal(RemovalRequest(topics: ["stray"])) { $0.commits["kcat"] = ["stray"] }
        #expect(stranger.contains("`kcat` has read `stray`"), "\(stranger)")
        #expect(
            try self.refusal(RemovalRequest(groups: ["old.land"])) { $0.commits["old.land"] = ["queries"] }
                .contains("run its topology once"))
        #expect(
            try self.refusal(RemovalRequest(sets: ["old"])) { $0.topics.insert("shards.old") }
                .contains("run its topology once"))
    }

    @Test("A set that its stage no longer writes goes alone: no offsets belong to it")
    func left() throws {
        let plan = try self.plan(RemovalRequest(sets: ["before"])) { facts in
            let claim = Claim(subject: .init(kind: .shards, name: "before"), owner: Self.nlq, stage: "land")
            try? facts.owners.apply(OwnerRecord.claim(claim, after: nil).record, at: 99, of: Owners.partition)
            facts.topics.insert("shards.before")
        }
        #expect(plan.sets == ["before"] && plan.topics == ["shards.before"])
        #expect(plan.groups.isEmpty && plan.writers.isEmpty)
        #expect(plan.notes.contains { $0.contains("no stage writes") })
    }

    @Test("A note survives its record, and anything else is refused")
    func notes() throws {
        var plan = try self.plan(RemovalRequest(sets: ["nlq.r1"]))
        plan.notes = []
        for step in RemovalNote.Step.allCases {
            let note = RemovalNote(id: "7", step: step, subject: "the set `nlq.r1`", plan: plan)
            #expect(try RemovalNote(note.record, at: 3) == note)
        }
        for (record, code) in [
            (Record(key: "7", value: "{}", headers: [Header("schema", "removal/1")]), LogError.Code.corrupt),
            (Record(key: "7", value: "{}", headers: []), .corrupt),
            (Record(key: "7", value: "{}", headers: [Header("schema", "removal/2")]), .versionTooNew),
        ] {
            let error = #expect(throws: LogError.self) { try RemovalNote(record, at: 3) }
            #expect(error?.code == code)
        }
    }
}
