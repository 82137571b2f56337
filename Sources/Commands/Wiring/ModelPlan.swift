// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Engine
import ModelCalls
import ModelRequests
import ModelServers
import RecordLog
import Records
import Topologies

/// The work that a run of a topology would do, found out without asking or writing anything.
struct RunPlan {
    /// A stage's part.
    struct Part {
        var stage: Stage
        var outlook: Rehearsal.Outlook
        /// The most records that may wait for it; `nil` where nothing bounds what the answers in front will bring.
        var waitingMax: Int?
        /// The plan of its model calls, if it makes any.
        var model: ModelPlan?

        /// `1,234`, or a range where answers that are still to come decide.
        func range(_ low: Int, _ high: Int?) -> String {
            let number = ProgressReporter.grouped
            if self.outlook.isExact { return number(low) }
            return high.map { $0 == low ? number(low) : "\(number(low)) to \(number($0))" } ?? "\(number(low)) or more"
        }
    }

    let parts: [Part]

    /// Rehearses a run.
    /// - Parameter media: the folder that images of prompts lie in.
    /// - Throws: what the run would be refused or stopped by.
    init(_ topology: Topology, options: RunOptions, home: Home, media: MediaFolder?, log: any RecordLog) throws {
        var planners: [String: CompletionPlanner] = [:]
        defer { for planner in planners.values { planner.close() } }
        var services: [String: OperatorServices] = [:]
        for stage in topology.stages {
            do throws(ModelEndpointProblem) {
                let planner = try CompletionPlanner(cacheFolder: home.cacheFolder, media: media)
                planners[stage.name] = planner
                services[stage.name, default: OperatorServices()].set(planner, as: (any CompletionProvider).self)
            } catch {
                throw CommandFailure(.failed, error.message)
            }
        }
        let outlooks = try Rehearsal(topology, log: log, options: options, services: services).run()
        var parts: [Part] = []
        for (stage, outlook) in zip(topology.stages, outlooks) {
            var part = Part(stage: stage, outlook: outlook, waitingMax: outlook.waiting)
            for front in parts where front.stage.writtenTopics.contains(stage.from) && !outlook.isExact {
                part.waitingMax = Self.sum(part.waitingMax, Self.more(from: front))
            }
            if let asked = planners[stage.name]?.plan, asked.asksModel {
                let beyond = part.waitingMax.map { asked.calls + $0 - outlook.waiting }
                part.model = ModelPlan(asked, outlook, callsMax: beyond)
            }
            parts.append(part)
        }
        self.parts = parts
    }

    /// The number of records that a stage may yet give beyond those that are known: what its missing answers have room
    /// for, and a record for each that is still to come to it.
    private static func more(from front: Part) -> Int? {
        let toCome = front.waitingMax.map { $0 - front.outlook.waiting }
        return Self.sum(front.outlook.unanswered == 0 ? 0 : front.model?.itemsMax, toCome)
    }

    private static func sum(_ left: Int?, _ right: Int?) -> Int? { left.flatMap { left in right.map { left + $0 } } }
}

/// The cost of a stage's waiting records, if they were put to its model now.
struct ModelPlan {
    /// The source of figures.
    enum Basis: String {
        /// The server's own counts, as the stage's commits have them.
        case measured
        /// Four bytes a token of the prompt, `MessageImage.estimatedTokens` an image, and as many tokens of the answer
        /// as it may have.
        case estimated
    }

    let cacheHits: Int
    let calls: Int
    /// The most calls, where answers of a stage in front decide; `nil` where nothing bounds them.
    let callsMax: Int?
    /// The fewest and the most calls that may follow these, by what their answers bring: repairs, further rounds.
    let callsToCome: ClosedRange<Int>
    /// The number of items that the missing answers have room for.
    let itemsMax: Int?
    /// Images in the requests that are left to make, and those of them that a run would not send.
    let images: Int
    let imagesRefused: Int
    /// The reason why a run would not send one, or would end.
    let imageProblem: String?
    let tokensIn: Int
    let tokensOut: Int
    let basis: Basis
    /// At the mean time of a call so far, with all places in use; `nil` before the first call.
    let seconds: Double?
    let inFlight: Int

    /// Calls in flight where neither the topology nor a server has said how many.
    private static let inFlightUnknown = 16

    init(_ plan: CompletionPlanner.Plan, _ outlook: Rehearsal.Outlook, callsMax: Int?) {
        let counts = outlook.done.counts
        func sum(_ name: String) -> Int { counts.reduce(0) { $0 + ($1.key.hasSuffix(".\(name)") ? $1.value : 0) } }
        let (calls, tokensIn, tokensOut) = (sum("calls"), sum("tokens-in"), sum("tokens-out"))
        self.cacheHits = plan.hits
        self.calls = plan.calls
        self.callsMax = callsMax
        self.callsToCome = plan.callsToCome
        self.itemsMax = plan.itemsMax
        self.images = plan.images
        self.imagesRefused = plan.imagesRefused
        self.imageProblem =
            plan.needsMedia ? "their folder is not named: add --media DIR, or set MILLRACE_MEDIA" : plan.imageProblem
        if calls > 0, tokensIn > 0 {
            self.basis = .measured
            self.tokensIn = plan.calls * tokensIn / calls
            self.tokensOut = plan.calls * tokensOut / calls
        } else {
            self.basis = .estimated
            self.tokensIn = plan.promptBytes / 4
            self.tokensOut = plan.answerTokensMax
        }
        self.inFlight = plan.inFlightMax ?? Self.inFlightUnknown
        let milliseconds = sum("call-milliseconds")
        self.seconds =
            calls > 0 && milliseconds > 0
            ? Double(plan.calls) * Double(milliseconds) / Double(calls) / 1000 / Double(self.inFlight) : nil
    }

    /// The plan as lines of text.
    func lines(_ part: RunPlan.Part) -> [String] {
        func number(_ count: Int) -> String { ProgressReporter.grouped(count) }
        let tokens =
            self.basis == .measured
            ? "\(number(self.tokensIn)) in, \(number(self.tokensOut)) out, at the server's count of the calls so far"
            : "about \(number(self.tokensIn)) in, at most \(number(self.tokensOut)) out, estimated: no call has been counted yet"
        let time =
            self.seconds.map {
                "\(ProgressReporter.duration($0)) at the measured time of a call, \(self.inFlight) in flight"
            } ?? "not known before the first call"
        let isExact = part.outlook.isExact
        let calls =
            isExact
            ? "\(number(self.calls)), each distinct request once"
            : "\(part.range(self.calls, self.callsMax)), by what the answers in front of it bring"
        let toCome = self.callsToCome
        let further =
            toCome.lowerBound == toCome.upperBound
            ? number(toCome.upperBound) : "\(number(toCome.lowerBound)) to \(number(toCome.upperBound))"
        return [
            "\(part.stage.name): of \(part.range(part.outlook.waiting, part.waitingMax)) waiting records",
            "  cache hits: \(number(self.cacheHits))\(isExact ? "" : ", as far as is known")",
            "  calls to make: \(calls)" + (toCome.upperBound == 0 ? "" : "; then \(further) more, by what these bring"),
            "  tokens: \(tokens)\(isExact ? "" : ", for the first of these numbers")", "  time: \(time)",
        ] + self.imageLines
    }

    private var imageLines: [String] {
        guard self.images > 0 else { return [] }
        let number = ProgressReporter.grouped
        let refused = self.imagesRefused > 0 ? ", \(number(self.imagesRefused)) of them to be dead letters" : ""
        let problem = self.imageProblem.map { "; \($0)" } ?? ""
        return ["  images to send: \(number(self.images))\(refused)\(problem)"]
    }

    /// Writes the plan as fields of an open object.
    func write(to json: inout JSONWriter) {
        json.field("cache_hits", self.cacheHits)
        json.field("calls", self.calls)
        json.key("calls_max")
        if let callsMax { json.value(callsMax) } else { json.null() }
        json.field("further_calls_min", self.callsToCome.lowerBound)
        json.field("further_calls_max", self.callsToCome.upperBound)
        json.field("images", self.images)
        json.field("images_refused", self.imagesRefused)
        json.field("tokens_in", self.tokensIn)
        json.field("tokens_out", self.tokensOut)
        json.field("tokens_basis", self.basis.rawValue)
        json.key("seconds")
        if let seconds { json.value(seconds) } else { json.null() }
        json.field("in_flight", self.inFlight)
    }
}
