// SPDX-License-Identifier: Apache-2.0

import Chat
import Completions
import Dataflow
import Engine
import RecordLog
import Records

/// What the waiting records of a stage would cost, if they were put to its model now.
struct ModelPlan {
    /// Where figures come from.
    enum Basis: String {
        /// The server's own counts, as the stage's commits have them.
        case measured
        /// Four bytes a token of the prompt, and as many tokens of the answer as it may have.
        case estimated
    }

    let waiting: Int
    let cacheHits: Int
    let calls: Int
    let tokensIn: Int
    let tokensOut: Int
    let basis: Basis
    /// At the mean time of a call so far, with all places in use; `nil` before the first call.
    let seconds: Double?
    let inFlight: Int

    /// Calls in flight where neither the topology nor a server has said how many.
    private static let inFlightUnknown = 16

    /// Puts the waiting records to a stand-in of the model; `nil` where the stage asks none.
    /// - Parameter counts: what the stage's commits have counted.
    init?(
        _ stage: Stage, of topology: Topology, ranges: [TopicPartition: Range<Offset>], counts: [String: Int],
        home: Home, log: any RecordLog
    ) throws {
        let planner: CompletionPlanner
        do throws(ModelEndpointProblem) {
            planner = try CompletionPlanner(cacheFolder: home.cacheFolder)
        } catch {
            throw CommandFailure(.failed, error.message)
        }
        defer { planner.close() }
        var services = OperatorServices()
        services.set(planner, as: (any CompletionProvider).self)
        let chain: Chain
        do throws(ConfigurationError) {
            chain = try Chain(stage, OperatorContext(topologyHash: topology.hash, services: services))
        } catch {
            throw CommandFailure(.usage, "stage `\(stage.name)`: \(error)")
        }
        guard chain.isAsynchronous, planner.plan.asksModel else { return nil }
        var waiting = 0
        for (partition, range) in ranges.sorted(by: { $0.key < $1.key }) {
            let reader = try log.makeReader(of: partition, from: range.lowerBound)
            while true {
                let batch = try reader.read(recordsMax: 4096, bytesMax: 8 << 20)
                if batch.isEmpty { break }
                for index in 0..<batch.count where batch.offsets[index] < range.upperBound {
                    waiting += 1
                    var pending = chain.begin(batch, at: index)
                    for request in 0..<pending.requestCount { _ = pending.answerAtOnce(request) }
                }
                if batch.nextOffset >= range.upperBound { break }
            }
        }
        self.init(planner.plan, waiting: waiting, counts: counts)
    }

    private init(_ plan: CompletionPlanner.Plan, waiting: Int, counts: [String: Int]) {
        func sum(_ name: String) -> Int { counts.reduce(0) { $0 + ($1.key.hasSuffix(".\(name)") ? $1.value : 0) } }
        let (calls, tokensIn, tokensOut) = (sum("calls"), sum("tokens-in"), sum("tokens-out"))
        self.waiting = waiting
        self.cacheHits = plan.hits
        self.calls = plan.calls
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
    func lines(stage: String) -> [String] {
        func number(_ count: Int) -> String { ProgressReporter.grouped(count) }
        let tokens =
            self.basis == .measured
            ? "\(number(self.tokensIn)) in, \(number(self.tokensOut)) out, at the server's count of the calls so far"
            : "about \(number(self.tokensIn)) in, at most \(number(self.tokensOut)) out, estimated: no call has been counted yet"
        let time =
            self.seconds.map {
                "\(ProgressReporter.duration($0)) at the measured time of a call, \(self.inFlight) in flight"
            } ?? "not known before the first call"
        return [
            "\(stage): of \(number(self.waiting)) waiting records", "  cache hits: \(number(self.cacheHits))",
            "  calls to make: \(number(self.calls)), each distinct request once, repairs aside", "  tokens: \(tokens)",
            "  time: \(time)",
        ]
    }

    /// Writes the plan as fields of an open object.
    func write(to json: inout JSONWriter) {
        json.field("cache_hits", self.cacheHits)
        json.field("calls", self.calls)
        json.field("tokens_in", self.tokensIn)
        json.field("tokens_out", self.tokensOut)
        json.field("tokens_basis", self.basis.rawValue)
        json.key("seconds")
        if let seconds { json.value(seconds) } else { json.null() }
        json.field("in_flight", self.inFlight)
    }
}
