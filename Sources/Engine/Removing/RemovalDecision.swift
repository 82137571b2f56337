// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records

/// The facts in a log that decide about a removal.
struct RemovalFacts {
    var owners = Owners()
    /// All topics but those of writers' states.
    var topics: Set<String> = []
    /// The topics that each group has committed offsets for.
    var commits: [String: Set<String>] = [:]
    /// The ids that writers have had.
    var writers: Set<String> = []
    /// Those of them that have left state.
    var writersWithState: Set<String> = []

    /// The writers of a group's tasks: its name and a partition.
    func writers(of group: String) -> [String] { self.numbered(self.writers, group) }

    /// Tells whether a group has ever committed anything. Kafka forgets offsets in time, but not the state.
    func hasWorked(_ group: String) -> Bool {
        self.commits[group]?.isEmpty == false || !self.numbered(self.writersWithState, group).isEmpty
    }

    private func numbered(_ ids: Set<String>, _ group: String) -> [String] {
        ids.filter { id in
            id.hasPrefix("\(group).") && Int(id.dropFirst(group.count + 1)).map { "\(group).\($0)" == id } == true
        }.sorted()
    }

    /// The ledgers of all sources that were ingested into a topic.
    func ledgers(of topic: String) -> [String] {
        // `ingest.a.b.ego4d` is a ledger of `a.b`, if there is such a topic, and not one of `a`.
        let longer = self.topics.filter { $0.hasPrefix("\(topic).") }.map { Ingest.writerPrefix(topic: $0) }
        return self.writers.filter { id in
            id.hasPrefix(Ingest.writerPrefix(topic: topic)) && !longer.contains { id.hasPrefix($0) }
        }.sorted()
    }
}

/// Decides what a removal comprises, or why it is refused. Pure.
///
/// A stage's offsets, state and output are one: reset, it makes its output anew from its input, so the old output must
/// go, and with it what later stages have made of that, down to the sets. Nothing of such a chain goes unless all of it
/// is named.
struct RemovalDecision {
    let request: RemovalRequest
    let facts: RemovalFacts

    /// The stages whose offsets, state and output go.
    private var stages: Set<Owners.StageName> = []
    private var subjects: Set<Claim.Subject> = []
    private var plan = RemovalPlan()

    private init(_ request: RemovalRequest, _ facts: RemovalFacts) {
        self.request = request
        self.facts = facts
    }

    /// The plan of a removal.
    /// - Throws: `RemovalRefusal` with the remedy.
    static func plan(_ request: RemovalRequest, _ facts: RemovalFacts) throws(RemovalRefusal) -> RemovalPlan {
        var decision = RemovalDecision(request, facts)
        for set in request.sets { try decision.take(set: set) }
        for group in request.groups { try decision.take(group: group) }
        for topic in request.topics { try decision.take(topic: topic) }
        decision.takeOutputs()
        try decision.requireWholeChain()
        decision.finish()
        return decision.plan
    }

    private var bindings: [Binding] {
        self.facts.owners.bindings.values.sorted { ($0.group, $0.from) < ($1.group, $1.from) }
    }

    private func isTaken(_ binding: Binding) -> Bool {
        self.stages.contains(Owners.StageName(owner: binding.owner, stage: binding.stage))
    }

    private mutating func take(_ binding: Binding) {
        self.stages.insert(Owners.StageName(owner: binding.owner, stage: binding.stage))
    }

    // MARK: What is named

    private mutating func take(set: String) throws(RemovalRefusal) {
        let replay = Owner(.replay, set)
        let isReplay =
            self.facts.topics.contains(ReservedTopics.replay(into: set))
            || self.facts.owners.claims.values.contains { $0.owner == replay && self.isThere($0.subject) }
        let subject = Claim.Subject(kind: .shards, name: set)
        let owner = self.facts.owners.claims[subject]?.owner
        guard isReplay || self.isThere(subject) else { throw RemovalRefusal(self.unknown(set: set)) }
        if isReplay { return try self.take(replay: replay) }
        // A set of several of a replay's goes with that replay.
        if let owner, owner.kind == .replay { return try self.take(replay: owner) }
        self.subjects.insert(subject)
        let writers = self.bindings.filter { $0.output == subject }
        for binding in writers { self.take(binding) }
        if writers.isEmpty {
            guard owner != nil else { throw RemovalRefusal(Self.unwritten("the stage that writes the set `\(set)`")) }
            self.plan.notes.append(
                "no stage writes the set `\(set)` any more: no offsets and no state belong to it, and no run makes it again"
            )
        }
    }

    /// A replay is there for its sets alone: all of it goes.
    private mutating func take(replay owner: Owner) throws(RemovalRefusal) {
        let isWritten = self.facts.owners.claims.values.contains { $0.owner == owner }
        guard isWritten || !self.isThere(Claim.Subject(kind: .shards, name: owner.name)) else {
            throw RemovalRefusal(Self.unwritten("who wrote the set `\(owner.name)`"))
        }
        for binding in self.bindings where binding.owner == owner { self.take(binding) }
        for claim in self.facts.owners.claims.values where claim.owner == owner { self.subjects.insert(claim.subject) }
        self.plan.topics.append(ReservedTopics.replay(into: owner.name))
        self.plan.notes.append(
            "`\(owner.name)` is a replay's: its topics, its groups and its bounds go as well; "
                + "`millrace replay FILE --from … --into \(owner.name)` makes it again")
    }

    private mutating func take(group: String) throws(RemovalRefusal) {
        if let binding = self.bindings.first(where: { $0.group == group }) { return self.take(binding) }
        guard self.facts.commits[group] == nil else {
            throw RemovalRefusal(Self.unwritten("the stage of the group `\(group)`"))
        }
        let names = Set(self.bindings.map(\.group)).union(self.facts.commits.keys).sorted()
        throw RemovalRefusal("there is no group `\(group)`; \(Self.list(names))")
    }

    private mutating func take(topic: String) throws(RemovalRefusal) {
        if let set = ReservedTopics.set(ofManifest: topic) {
            throw RemovalRefusal(
                "`\(topic)` is the manifest of the set `\(set)` and goes with it: `millrace shards drop \(set)`")
        }
        if let set = ReservedTopics.set(ofReplay: topic) {
            throw RemovalRefusal(
                "`\(topic)` holds the bounds of the replay `\(set)` and goes with it: `millrace shards drop \(set)`")
        }
        if let group = ReservedTopics.group(ofRetries: topic) { try self.check(retries: topic, of: group) }
        let isFree = (ReservedTopics.group(ofRetries: topic) ?? ReservedTopics.name(ofDeadLetters: topic)) != nil
        if let use = ReservedTopics.use(of: topic), !isFree {
            let state = topic.hasPrefix(ReservedTopics.statePrefix)
            throw RemovalRefusal(
                "`\(topic)` is kept for \(use) and is not deleted"
                    + (state ? "; `millrace groups reset GROUP` clears a task's state with its offsets and output" : "")
            )
        }
        guard self.facts.topics.contains(topic) else {
            let names = self.facts.topics.filter { ReservedTopics.use(of: $0) == nil }.sorted()
            throw RemovalRefusal("there is no topic `\(topic)`; \(Self.list(names))")
        }
        self.subjects.insert(Claim.Subject(kind: .topic, name: topic))
    }

    /// Of letters that have been taken again only their topic of retries says.
    private func check(retries topic: String, of group: String) throws(RemovalRefusal) {
        guard let binding = self.bindings.first(where: { $0.group == group }) else { return }
        let letters = ReservedTopics.deadLetters(of: binding.owner.name)
        guard !self.request.topics.contains(letters), self.facts.topics.contains(letters) else { return }
        throw RemovalRefusal(
            "`\(topic)` says which dead letters have been taken again, and without it they would be so twice: name "
                + "`\(letters)` as well")
    }

    // MARK: What goes with it

    private mutating func takeOutputs() {
        for binding in self.bindings where self.isTaken(binding) {
            self.subjects.insert(binding.output)
            let retries = ReservedTopics.retries(of: binding.owner.name, stage: binding.stage)
            for name in [binding.rejects, self.facts.topics.contains(retries) ? retries : nil].compactMap({ $0 }) {
                self.subjects.insert(Claim.Subject(kind: .topic, name: name))
            }
        }
        // Records that an ingest could not use are read again with the rest; its ledger forgets both.
        for topic in self.subjects where self.isIngested(topic) {
            self.subjects.insert(
                Claim.Subject(kind: .topic, name: ReservedTopics.deadLetters(of: topic.name)))
        }
        for owner in Set(self.stages.map(\.owner)) { self.takeDeadLetters(of: owner) }
    }

    private func isIngested(_ subject: Claim.Subject) -> Bool {
        subject.kind == .topic && self.facts.owners.claims[subject]?.owner.kind == .ingest
            && ReservedTopics.name(ofDeadLetters: subject.name) == nil
    }

    /// All stages of a topology write its dead letters, so these go once no stage that has worked stays.
    private mutating func takeDeadLetters(of owner: Owner) {
        let letters = Claim.Subject(kind: .topic, name: ReservedTopics.deadLetters(of: owner.name))
        guard self.isThere(letters), !self.subjects.contains(letters) else { return }
        let staying = self.bindings.filter {
            $0.owner == owner && !self.isTaken($0) && self.facts.hasWorked($0.group)
        }
        if staying.isEmpty {
            self.subjects.insert(letters)
        } else {
            self.plan.notes.append(
                "`\(letters.name)` stays, since \(Self.names(staying.map(\.group))) wrote there too: dead letters of what "
                    + "is removed come there a second time")
        }
    }

    // MARK: What must not be torn apart

    /// Stages that stay and have read what goes, or wrote it.
    private func tornApart() -> [Binding] {
        self.bindings.filter { binding in
            guard !self.isTaken(binding), self.facts.hasWorked(binding.group) else { return false }
            let input = Claim.Subject(kind: .topic, name: binding.from)
            return self.subjects.contains(input) || self.subjects.contains(binding.output)
        }
    }

    private func requireWholeChain() throws(RemovalRefusal) {
        let known = Set(self.bindings.map(\.group))
        let removed = Set(self.subjects.map(\.topic))
        let strangers = self.facts.commits.filter { !known.contains($0.key) && !$0.value.isDisjoint(with: removed) }
        if let (group, topics) = strangers.min(by: { $0.key < $1.key }) {
            throw RemovalRefusal(
                "the group `\(group)` has read \(Self.names(topics.intersection(removed))), and it is no stage that is written "
                    + "down: run its topology once, so that it is, or delete it with the tools of who made it")
        }
        let torn = self.tornApart()
        if torn.isEmpty { return }
        var whole = self
        while case let more = whole.tornApart(), !more.isEmpty {
            for binding in more { whole.take(binding) }
            whole.takeOutputs()
        }
        let reasons = torn.map { binding in
            let reads = self.subjects.contains(Claim.Subject(kind: .topic, name: binding.from))
            let subject = reads ? Claim.Subject(kind: .topic, name: binding.from) : binding.output
            return "the group `\(binding.group)` \(reads ? "has read" : "has written") \(subject)"
        }
        let sets = whole.subjects.filter { $0.kind == .shards }.map(\.name).sorted()
        let loss = sets.isEmpty ? "" : ", which drops \(Self.names(sets)) with it"
        throw RemovalRefusal(
            "\(reasons.joined(separator: ", and ")), and would go on with half of what it knows. Name the whole chain\(loss): "
                + "`\(whole.command)`")
    }

    /// The command that names all of this.
    private var command: String {
        let groups = self.bindings.filter(self.isTaken).map(\.group)
        if !self.request.topics.isEmpty {
            let topics = self.request.topics.joined(separator: " ")
            return "millrace topics delete \(topics)" + groups.map { " --group \($0)" }.joined()
        }
        return "millrace groups reset " + groups.joined(separator: " ")
    }

    // MARK: The whole

    private mutating func finish() {
        let taken = self.bindings.filter(self.isTaken)
        let removed = self.subjects
        var idle = Set(taken.map(\.group))
        for binding in self.bindings {
            let topics = [
                binding.from, binding.rejects, ReservedTopics.deadLetters(of: binding.owner.name),
                ReservedTopics.retries(of: binding.owner.name, stage: binding.stage),
            ]
            let near = topics.compactMap { $0 }.map { Claim.Subject(kind: .topic, name: $0) } + [binding.output]
            if !removed.isDisjoint(with: near) { idle.insert(binding.group) }
        }
        self.plan.idleGroups = idle.sorted()
        self.plan.groups = Set(taken.map(\.group)).sorted()
        self.plan.sets = removed.filter { $0.kind == .shards }.map(\.name).sorted()
        self.plan.topics = Set(self.plan.topics + removed.map(\.topic)).filter(self.facts.topics.contains).sorted()
        self.plan.writers =
            taken.flatMap { self.facts.writers(of: $0.group) }
            + removed.filter(self.isIngested).flatMap { self.facts.ledgers(of: $0.name) }
        self.plan.writers = Set(self.plan.writers).sorted()
        let copies = self.facts.owners.claims.filter { subject, claim in
            subject.kind == .shards && claim.owner.kind == .replay && self.isThere(subject)
                && !removed.contains(subject)
        }.keys.map(\.name).sorted()
        if !self.plan.sets.isEmpty, !copies.isEmpty {
            self.plan.notes.append("sets of replays stay: \(Self.names(copies))")
        }
        for topic in removed.filter(self.isIngested).map(\.name).sorted() {
            self.plan.notes.append("`millrace ingest` fills `\(topic)` again from the start: its ledger goes as well")
        }
    }

    private func isThere(_ subject: Claim.Subject) -> Bool { self.facts.topics.contains(subject.topic) }

    // MARK: Words

    private func unknown(set: String) -> String {
        let sets = self.facts.topics.compactMap { ReservedTopics.set(ofManifest: $0) }
        return "there is no shard set `\(set)`; " + Self.list(sets.sorted())
    }

    private static func unwritten(_ what: String) -> String {
        "\(what) is not written down in this log, which an earlier version began: run its topology once, so that it is, "
            + "and remove then"
    }

    private static func names(_ names: some Sequence<String>) -> String {
        names.sorted().map { "`\($0)`" }.joined(separator: ", ")
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "there are none" : "there are: " + names.joined(separator: ", ")
    }
}
