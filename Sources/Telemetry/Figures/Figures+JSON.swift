// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

extension StageFigures {
    func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.field("in", self.recordsIn)
        json.field("out", self.recordsOut)
        json.field("ever_in", self.everIn)
        json.field("ever_out", self.everOut)
        json.field("ever_rejects", self.everRejects)
        json.field("ever_dead_letters", self.everDeadLetters)
        json.optional("rate_in", self.rateIn)
        json.optional("rate_out", self.rateOut)
        json.field("lag_offsets", self.lagOffsets)
        json.optional("lag_seconds", self.lagSeconds)
        json.field("in_flight", self.inFlight)
        json.field("open_groups", self.openGroups)
        json.field("tasks", self.tasks)
        json.field("tasks_open", self.tasksOpen)
        json.field("tasks_stalled", self.tasksStalled)
        json.field("tasks_fenced", self.tasksFenced)
        json.optional("last_commit", self.lastCommit.map { Int($0) })
        json.counts("rejects", self.rejects)
        json.counts("dead_letters", self.deadLetters)
        json.counts("drops", self.drops)
    }

    init(_ reader: FigureReader) {
        self.init(name: reader.text("name"))
        self.recordsIn = reader.count("in")
        self.recordsOut = reader.count("out")
        self.everIn = reader.count("ever_in")
        self.everOut = reader.count("ever_out")
        self.everRejects = reader.count("ever_rejects")
        self.everDeadLetters = reader.count("ever_dead_letters")
        self.rateIn = reader.number("rate_in")
        self.rateOut = reader.number("rate_out")
        self.lagOffsets = reader.count("lag_offsets")
        self.lagSeconds = reader.number("lag_seconds")
        self.inFlight = reader.count("in_flight")
        self.openGroups = reader.count("open_groups")
        self.tasks = reader.count("tasks")
        self.tasksOpen = reader.count("tasks_open")
        self.tasksStalled = reader.count("tasks_stalled")
        self.tasksFenced = reader.count("tasks_fenced")
        self.lastCommit = reader.time("last_commit")
        self.rejects = reader.counts("rejects")
        self.deadLetters = reader.counts("dead_letters")
        self.drops = reader.counts("drops")
    }
}

extension WaitFigures {
    func write(to json: inout JSONWriter) {
        json.field("kind", self.kind.rawValue)
        json.field("subject", self.subject)
        json.field("since", Int(self.since))
        json.field("message", self.message)
    }

    init(_ reader: FigureReader) {
        self.init(
            Kind(rawValue: reader.text("kind")) ?? .other, subject: reader.text("subject"),
            since: reader.time("since") ?? 0, message: reader.text("message"))
    }
}

extension SetFigures {
    func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.list("open", self.open) { open, json in
            json.field("partition", open.partition)
            json.field("since", Int(open.since))
            json.optional("deadline", open.deadline.map { Int($0) })
        }
        json.counts("published", self.published)
        json.optional("last_published", self.lastPublished.map { Int($0) })
    }

    init(_ reader: FigureReader) {
        self.init(name: reader.text("name"))
        self.open = reader.list("open") { open in
            Open(partition: open.count("partition"), since: open.time("since") ?? 0, deadline: open.time("deadline"))
        }
        self.published = reader.counts("published")
        self.lastPublished = reader.time("last_published")
    }
}

extension ModelFigures {
    func write(to json: inout JSONWriter) {
        json.field("server", self.server)
        json.field("calls", self.calls)
        json.field("cache_hits", self.cacheHits)
        json.field("retries", self.retries)
        json.field("failures", self.failures)
        json.field("tokens_in", self.tokensIn)
        json.field("tokens_out", self.tokensOut)
        json.optional("cost", self.cost)
        json.optional("currency", self.currency)
        json.field("in_flight", self.inFlight)
        json.field("in_flight_max", self.inFlightMax)
        json.field("waiting", self.waiting)
        json.field("breaker", self.breaker)
    }

    init(_ reader: FigureReader) {
        self.init(server: reader.text("server"))
        self.calls = reader.count("calls")
        self.cacheHits = reader.count("cache_hits")
        self.retries = reader.count("retries")
        self.failures = reader.count("failures")
        self.tokensIn = reader.count("tokens_in")
        self.tokensOut = reader.count("tokens_out")
        self.cost = reader.optionalNumber("cost")
        self.currency = reader.optionalText("currency")
        self.inFlight = reader.count("in_flight")
        self.inFlightMax = reader.count("in_flight_max")
        self.waiting = reader.count("waiting")
        self.breaker = reader.text("breaker")
    }
}

extension TrainerFigures {
    func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.field("set", self.set)
        json.field("step", self.step)
        json.field("steps", self.steps)
        json.optional("samples_per_second", self.samplesPerSecond)
        json.field("usable", self.usable)
        json.list("losses", self.losses) { $0.write(to: &$1) }
        json.list("scores", self.scores) { $0.write(to: &$1) }
        json.optional("scored_at", self.scoredAt)
        json.list("curve", Array(self.curve.filter(\.value.isFinite).suffix(Self.pointsMax))) { point, json in
            json.field("step", point.step)
            json.field("value", point.value)
        }
        json.optional("saved_at", self.savedAt)
        json.optional("visible_seconds", self.visibleSeconds)
    }

    init(_ reader: FigureReader) {
        self.init(name: reader.text("name"), set: reader.text("set"))
        self.step = reader.count("step")
        self.steps = reader.count("steps")
        self.samplesPerSecond = reader.number("samples_per_second")
        self.usable = reader.count("usable")
        self.losses = reader.list("losses") { Figure($0) }
        self.scores = reader.list("scores") { Figure($0) }
        self.scoredAt = reader.optionalCount("scored_at")
        self.curve = reader.list("curve", max: Self.pointsMax) { point in
            point.optionalNumber("value").map { Point(step: point.count("step"), value: $0) }
        }
        self.savedAt = reader.optionalCount("saved_at")
        self.visibleSeconds = reader.optionalNumber("visible_seconds")
    }
}

extension TrainerFigures.Figure {
    func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.optional("value", self.value)
    }

    init?(_ reader: FigureReader) {
        guard let value = reader.optionalNumber("value") else { return nil }
        self.init(reader.text("name"), value)
    }
}
