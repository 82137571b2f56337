// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Telemetry

extension PageState {
    /// The processes that work on the log: those that tell figures, and members of groups that do not.
    static func processes(_ figures: [ProcessFigures], _ groups: [GroupDescription]) -> [Process] {
        var partitions: [String: [String]] = [:]
        for member in groups.flatMap(\.members) {
            partitions[member.location, default: []] += member.partitions.map(\.description)
        }
        var known = figures.map { process in
            let identity = process.identity
            let places = [identity.label, "\(identity.host)/\(identity.pid)", "\(identity.host) \(identity.pid)"]
            let own = partitions.keys.filter { location in
                places.contains(location)
                    || location.contains(identity.host)
                        && location.split { !$0.isNumber }.contains(Substring(String(identity.pid)))
            }
            let shown = own.flatMap { partitions.removeValue(forKey: $0) ?? [] }
            return Process(
                name: identity.label,
                does: [identity.role, identity.name].filter { !$0.isEmpty }.joined(separator: " "),
                partitions: shown.sorted(), since: identity.start)
        }
        for (location, partitions) in partitions.sorted(by: { $0.key < $1.key }) {
            known.append(Process(name: location, does: "member of a group", partitions: partitions.sorted()))
        }
        return known
    }

    /// All that processes wait for, the longest first.
    static func waits(_ figures: [ProcessFigures]) -> [Wait] {
        figures.flatMap { process in
            process.waits.map { wait in
                let what =
                    switch wait.kind {
                    case .model: "the model server \(wait.subject)"
                    case .log: "the log (\(wait.subject))"
                    case .shards: "shards of \(wait.subject)"
                    case .other: wait.subject
                    }
                let identity = process.identity
                let does = [identity.role, identity.name].filter { !$0.isEmpty }.joined(separator: " ")
                return Wait(
                    who: "\(does) in \(identity.label)", what: what, since: wait.since, message: wait.message)
            }
        }.sorted { ($0.since, $0.who) < ($1.since, $1.who) }
    }

    /// The model servers that processes ask.
    static func models(_ figures: [ProcessFigures]) -> [Model] {
        figures.flatMap { process in
            process.models.map { model in
                Model(
                    server: model.server, process: process.identity.label, calls: model.calls,
                    cacheHits: model.cacheHits, failures: model.failures, tokens: model.tokensIn + model.tokensOut,
                    cost: model.cost.map { cost in
                        "\((cost * 10_000).rounded() / 10_000) \(model.currency ?? "")"
                    }, inFlight: model.inFlight, inFlightMax: model.inFlightMax, waiting: model.waiting,
                    breaker: model.breaker)
            }
        }
    }

    /// The shards of a set that processes are writing.
    static func open(_ set: String, _ figures: [ProcessFigures]) -> [OpenShard] {
        figures.flatMap { process in
            process.sets.filter { $0.name == set }.flatMap(\.open).map { open in
                OpenShard(
                    partition: open.partition, process: process.identity.label, since: open.since,
                    deadline: open.deadline)
            }
        }.sorted { ($0.since, $0.partition) < ($1.since, $1.partition) }
    }
}

/// The trainers' figures of the last looks, from which their curves follow.
struct TrainerBook {
    private static let pointsMax = TrainerFigures.pointsMax

    private var curves: [String: [Double]] = [:]
    private var steps: [String: Int] = [:]

    /// The trainers of all processes, each figure with its curve as far as it has been seen.
    mutating func trainers(_ figures: [ProcessFigures]) -> [PageState.Trainer] {
        var seen: Set<String> = []
        let trainers = figures.flatMap { process in
            process.trainers.map { trainer in
                let key = "\(process.identity.instance)/\(trainer.name)/\(trainer.set)"
                seen.insert(key)
                return self.trainer(trainer, of: process, key)
            }
        }
        self.steps = self.steps.filter { seen.contains($0.key) }
        self.curves = self.curves.filter { curve in seen.contains { curve.key.hasPrefix($0 + "\n") } }
        return trainers
    }

    private mutating func trainer(
        _ trainer: TrainerFigures, of process: ProcessFigures, _ key: String
    ) -> PageState.Trainer {
        let isNew = self.steps.updateValue(trainer.step, forKey: key) != trainer.step
        var shown = PageState.Trainer(
            name: "\(trainer.name) on \(trainer.set)", process: process.identity.label, time: process.at)
        shown.waits = process.waits.first { $0.kind == .shards }.map { wait in
            wait.message.isEmpty ? "shards of \(wait.subject)" : wait.message
        }
        var values: [(name: String, value: Double)] = [("step", Double(trainer.step))]
        if trainer.steps > 0 { values.append(("of", Double(trainer.steps))) }
        values.append(("samples a second", trainer.samplesPerSecond))
        values += trainer.losses.map { ($0.name, $0.value) }
        values += trainer.scores.map { ($0.name, $0.value) }
        values.append(("samples that may be drawn", Double(trainer.usable)))
        if let seconds = trainer.visibleSeconds { values.append(("seconds from commit to sight", seconds)) }
        if let saved = trainer.savedAt { values.append(("last checkpoint at step", Double(saved))) }
        let total = trainer.losses.first { $0.name == "total" || $0.name == "loss" }?.name
        shown.values = values.map { name, value in
            let key = "\(key)\n\(name)"
            if isNew {
                self.curves[key] = Array((self.curves[key, default: []] + [value]).suffix(Self.pointsMax))
            }
            // Of the total loss the trainer knows the whole course.
            let isTotal = name == total && trainer.curve.count > 1
            let history = isTotal ? trainer.curve.map(\.value) : self.curves[key] ?? []
            return PageState.Curve(
                name: name, value: value, history: Set(history).count > 1 ? history : [])
        }
        return shown
    }
}
