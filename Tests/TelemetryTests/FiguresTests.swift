// SPDX-License-Identifier: Apache-2.0

import Codecs
import CoreMetrics
import Foundation
import Testing

@testable import Telemetry

/// Figures as they travel from one process to another, and what becomes of hostile ones.
@Suite("Figures")
struct FiguresTests {
    static func figures(_ instance: String = InstanceName.make(), at: Int64 = 1_000) -> ProcessFigures {
        var figures = ProcessFigures(
            .init(instance: instance, role: "run", name: "nlq", host: ProcessReadings.host, pid: 17, start: 5), at: at)
        figures.health.isReady = true
        figures.health.reason = "<b>\"\u{202e}"
        figures.graph = TopologyGraph(
            name: "nlq", partitions: 4, deadLetters: "nlq.dead-letters",
            stages: [
                .init(
                    name: "cut", steps: ["block", "filter"], from: "narrations", topic: "blocks", set: nil, rejects: nil
                ),
                .init(name: "land", steps: ["ask"], from: "blocks", topic: nil, set: "nlq", rejects: "rejected"),
            ])
        var stage = StageFigures(name: "land")
        stage.recordsIn = 9
        stage.everDeadLetters = 2
        stage.rateIn = 1.25
        stage.lastCommit = 900
        stage.rejects = ["too-long": 3]
        figures.stages = [stage]
        figures.waits = [WaitFigures(.model, subject: "http://x", since: 3, message: "HTTP 401")]
        var set = SetFigures(name: "nlq")
        set.open = [.init(partition: 1, since: 4, deadline: 64)]
        set.published = ["seconds": 2]
        figures.sets = [set]
        var model = ModelFigures(server: "http://x")
        model.cost = 0.25
        model.currency = "EUR"
        figures.models = [model]
        var trainer = TrainerFigures(name: "train", set: "nlq")
        trainer.losses = [.init("total", 0.5)]
        trainer.curve = [.init(step: 1, value: 2), .init(step: 9, value: 1)]
        trainer.visibleSeconds = 0.4
        figures.trainers = [trainer]
        let registry = MetricRegistry()
        MetricDefinition.homeFree.gauge(in: registry).set(7)
        MetricDefinition.trainerVisibleSeconds.histogram(["trainer": "t", "set": "s"], in: registry).record(0.4)
        figures.metrics = registry.snapshot()
        return figures
    }

    @Test("Figures come back as they were written")
    func roundTrip() throws {
        let figures = Self.figures()
        #expect(try ProcessFigures(parsing: figures.json) == figures)
    }

    @Test("An older or newer form shows what it shares with this one")
    func lenient() throws {
        let text = """
            {"version":1,"at":5,"process":{"instance":"00000000000000aa","host":3,"later":[1]},"stages":[{"name":"a","in":-4,
            "rate_in":1e400,"lag_offsets":1e300},7,null],"new":{},"trainers":{"name":"x"},"metrics":[{"name":"a b","kind":"gauge",
            "series":[{"labels":["x","1"],"value":2},{"labels":["x","1"],"value":3},{"labels":["x"]}]}]}
            """
        let figures = try ProcessFigures(parsing: Bytes(text.utf8))
        #expect(figures.stages.map(\.name) == ["a"])
        #expect(figures.stages[0].recordsIn == 0 && figures.stages[0].rateIn == 0)
        #expect(figures.trainers.isEmpty)
        #expect(
            String(decoding: Exposition.text(figures.metrics), as: UTF8.self) == "# TYPE a_b gauge\na_b{x=\"1\"} 2\n")
    }

    @Test(
        "What is no such thing is refused",
        arguments: [
            "", "7", "[]", "{}", "{\"version\":1}",
            "{\"version\":2,\"at\":1,\"process\":{\"instance\":\"00000000000000aa\"}}",
            "{\"version\":1,\"at\":1,\"process\":{\"instance\":\"../../etc/passwd\"}}",
            String(repeating: "[", count: 100_000),
        ])
    func refused(text: String) {
        #expect(throws: JSONError.self) { try ProcessFigures(parsing: Bytes(text.utf8)) }
    }

    @Test("Bytes that are broken anywhere are read or refused, never a trap, and their sums never overflow")
    func fuzzed() {
        let bytes = Self.figures().json
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var broken = bytes
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<broken.count, using: &random)
                switch Int.random(in: 0...3, using: &random) {
                case 0: broken[place] = UInt8.random(in: 0...255, using: &random)
                case 1: broken.removeSubrange(place..<min(broken.count, place + 9))
                case 2: broken.insert(contentsOf: Bytes("99999999999999999999".utf8), at: place)
                default: broken.insert(contentsOf: Bytes("-1e308".utf8), at: place)
                }
                if broken.isEmpty { break }
            }
            guard let figures = try? ProcessFigures(parsing: broken) else { continue }
            _ = Exposition.text(of: [figures, figures], now: 0)
            _ = figures.json
        }
    }

    @Test("Figures beyond their bounds are refused or cut")
    func bounds() throws {
        var figures = Self.figures()
        figures.waits = (0..<5_000).map { index in
            WaitFigures(.log, subject: "\(index)", since: 0, message: String(repeating: "é", count: 3_000))
        }
        #expect(throws: JSONError.self) { try ProcessFigures(parsing: figures.json) }
        figures.waits = Array(figures.waits.prefix(10))
        let read = try ProcessFigures(parsing: figures.json)
        #expect(read.waits.count == 10)
        #expect(read.waits.allSatisfy { $0.message.utf8.count <= 2_003 })
    }
}
