// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Engine
import Operations
import RecordLog
import Records

/// `millrace dead-letters retry`
struct DeadLettersRetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Have the records of dead letters taken again by their stages.",
        discussion: """
            Hands each record to a topic that its stage reads beside its input. The stage takes them at its next run, or \
            within seconds where one is at work, and commits what they give together with their being taken: so a record \
            comes once, whatever is killed, and a second retry of the same letter does nothing. What fails once more is a \
            new letter. A replay reads the original input alone.

            Refused are letters whose record would come twice or out of its order: of a stage with a step that gathers, or \
            whose record gave other output too.

            EXAMPLES
              millrace dead-letters retry nlq --reason too-long --dry-run
              millrace dead-letters retry nlq --stage generate --since 2h
              millrace dead-letters retry nlq/0/17 nlq/3/2
            """)

    @Argument(help: "A topology, for all its letters, or letters by name: NAME/PARTITION/OFFSET.")
    var letters: [String]

    @Flag(help: "Say what would be taken again, and do nothing.")
    var dryRun = false

    @Flag(
        help: ArgumentHelp(
            "Take letters of earlier programs, which do not say so, as those of records that gave nothing else, in stages "
                + "without a step that gathers."))
    var assumeWhole = false

    @OptionGroup(title: "The letters") var options: LetterOptions
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let log = self.dryRun ? try home.openLogToRead() : try home.openLog()
            defer { log.close() }
            for (topic, letters) in try self.choices(in: log) {
                var choice = RetryPlan.Choice()
                choice.letters = letters
                choice.filter = self.options.filter
                choice.limit = self.options.limit ?? .max
                choice.assumesWhole = self.assumeWhole
                try self.checkOwner(of: topic, in: log)
                let plan = try RetryPlan(of: topic, choice, in: log)
                let outcome = self.dryRun ? nil : try LetterRetry(plan, of: topic, in: log).run()
                let report = RetryReport(plan: plan, outcome: outcome)
                if self.common.json { try Results.json(report.json) } else { try Results.lines(report.lines) }
            }
        }
    }

    /// The topics of the letters, each with those that were named, or with none where all are meant.
    private func choices(in log: any RecordLog) throws -> [(TopicSpecification, Set<LetterID>?)] {
        var named: [String: Set<LetterID>] = [:]
        var choices: [(TopicSpecification, Set<LetterID>?)] = []
        for text in self.letters {
            if text.contains("/") {
                let letter = try DeadLetterTopics.letter(text, in: log)
                named[letter.id.partition.topic, default: []].insert(letter.id)
            } else {
                choices += try DeadLetterTopics.named(text, in: log).map { ($0, nil) }
            }
        }
        for topic in try LetterReading.deadLetterTopics(in: log) {
            guard let ids = named.removeValue(forKey: topic.name) else { continue }
            if !choices.contains(where: { $0.0.name == topic.name }) { choices.append((topic, ids)) }
        }
        if let other = named.keys.sorted().first {
            throw CommandFailure(
                .usage, "`\(other)` holds no dead letters: what lies there is a result, and is not taken again")
        }
        return choices
    }

    /// A replay reads the original input alone, so nobody would take what is handed to one.
    private func checkOwner(of topic: TopicSpecification, in log: any RecordLog) throws {
        guard let owner = try Owner.ofTopic(topic.name, in: log), owner.kind == .replay else { return }
        throw CommandFailure(
            .usage,
            "`\(topic.name)` holds the letters of \(owner), which reads the original input alone: mend what is at fault, and "
                + "replay into another name")
    }
}

/// The words about a retry.
struct RetryReport {
    let plan: RetryPlan
    /// `nil`: nothing was done.
    let outcome: LetterRetry.Outcome?

    private func number(_ count: Int, _ one: String) -> String {
        "\(ProgressReporter.grouped(count)) \(one)\(count == 1 ? "" : "s")"
    }

    private var records: [String: Int] {
        self.outcome?.records ?? Dictionary(self.plan.items.map { ($0.stage, 1) }, uniquingKeysWith: +)
    }

    var lines: [String] {
        let total = self.records.values.reduce(0, +)
        let letters = self.outcome?.letters ?? self.plan.letters
        var lines: [String] = []
        if self.outcome == nil {
            lines.append(
                "\(self.plan.name): \(self.number(total, "record")) would be taken again, and settle "
                    + "\(self.number(letters, "letter")); nothing was done")
        } else if total == 0 {
            lines.append("\(self.plan.name): nothing to do, no open letter is to be taken again")
        } else {
            lines.append(
                "\(self.plan.name): \(self.number(total, "record")) handed over, which settles "
                    + self.number(letters, "letter"))
        }
        if total > 0 {
            var table = FittedTable(["stage", "records", "by the topic"], flexible: [0], numeric: [1])
            for (stage, count) in self.records.sorted(by: { $0.key < $1.key }) {
                table.add([stage, ProgressReporter.grouped(count), LetterRetry.topic(of: self.plan, stage: stage)])
            }
            lines += table.lines()
        }
        lines += self.others
        for refused in self.plan.refused.sorted(by: { ($0.stage, $0.refusal) < ($1.stage, $1.refusal) }) {
            let stage = refused.stage.isEmpty ? "" : " of `\(refused.stage)`"
            lines.append(
                "refused: \(self.number(refused.letters, "letter"))\(stage), such as \(refused.example): "
                    + refused.refusal.message)
        }
        if total > 0, self.outcome != nil {
            lines.append(
                "The groups `\(self.plan.name).STAGE` take them at their next run, `millrace run FILE`, or within "
                    + "seconds where one is at work; `millrace dead-letters list \(self.plan.name)` says how far they are."
            )
        }
        return lines
    }

    private var others: [String] {
        let counts = [
            (self.plan.waiting, "already handed over, and waiting to be taken"),
            (self.plan.taken, "taken again before"),
        ]
        var lines = counts.filter { $0.0 > 0 }.map { "\(self.number($0.0, "letter")) \($0.1)" }
        if self.plan.beyondLimit > 0 {
            lines.append("\(self.number(self.plan.beyondLimit, "record")) more beyond --limit")
        }
        if let outcome {
            if outcome.overtaken > 0 {
                lines.append("\(self.number(outcome.overtaken, "record")) handed over by another")
            }
            if outcome.gone > 0 {
                lines.append("\(self.number(outcome.gone, "record")) no longer there: retention has come")
            }
        }
        return lines
    }

    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("name", self.plan.name)
        json.field("done", self.outcome != nil)
        json.field("records", self.records.values.reduce(0, +))
        json.field("letters", self.outcome?.letters ?? self.plan.letters)
        json.key("stages")
        json.beginObject()
        for (stage, count) in self.records.sorted(by: { $0.key < $1.key }) {
            json.key(text: stage)
            json.value(count)
        }
        json.endObject()
        json.field("waiting", self.plan.waiting)
        json.field("taken", self.plan.taken)
        json.field("beyond_limit", self.plan.beyondLimit)
        json.key("refused")
        json.beginArray()
        for refused in self.plan.refused.sorted(by: { ($0.stage, $0.refusal) < ($1.stage, $1.refusal) }) {
            json.beginObject()
            json.field("stage", refused.stage)
            json.field("letters", refused.letters)
            json.field("example", refused.example.description)
            json.field("message", refused.refusal.message)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}
