// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Training

/// The figures of a trainer, from the events of its run.
@Suite("Trainer's figures")
struct TrainerMetersTests {
    @Test("Every metric of trainers moves, and the figures say the same")
    func moves() {
        let registry = MetricRegistry()
        let meters = TrainerMeters(trainer: "train", set: "nlq", steps: 10, batchSize: 4, factory: registry)
        typealias Event = TrainingEvent<NamedScores>
        meters.take(Event.resumed(step: 2, otherMachine: nil))
        meters.take(
            Event.segment(
                Segment(segment: 0, firstStep: 2, steps: 5, shards: 1, samples: 20, digest: ""), usable: 18))
        for step in 3...5 {
            meters.take(
                Event.step(
                    TrainingStep(
                        step: step, losses: StepLosses(total: 1.5, parts: ["location": 1, "highlight": 0.5]),
                        gradientNorm: 0.25, learningRate: 1e-4)))
        }
        meters.take(Event.validated(step: 5, NamedScores(["recall": 0.75])))
        meters.take(Event.saved(step: 5, isBest: true))
        meters.saw(afterSeconds: 0.4)
        meters.waits()
        let families = Dictionary(uniqueKeysWithValues: registry.snapshot().map { ($0.name, $0) })
        func sum(_ metric: MetricDefinition, _ labels: [String: String] = [:]) -> Double? {
            families[metric.name]?.sum(labels)
        }
        #expect(sum(.trainerSteps) == 3)
        #expect(sum(.trainerSamples) == 12)
        #expect(sum(.trainerStep) == 5)
        #expect(sum(.trainerStepsPlanned) == 10)
        #expect(sum(.trainerLoss, ["loss": "total"]) == 1.5)
        #expect(sum(.trainerLoss, ["loss": "location"]) == 1)
        #expect(sum(.trainerGradientNorm) == 0.25)
        #expect(sum(.trainerLearningRate) == 1e-4)
        #expect(sum(.trainerScore, ["score": "recall"]) == 0.75)
        #expect(sum(.trainerUsable) == 18)
        #expect(sum(.trainerCheckpoints) == 1)
        #expect(sum(.trainerVisibleSeconds) == 1)
        #expect(sum(.trainerWaiting) == 1)
        let figures = meters.figures
        #expect(figures.step == 5 && figures.steps == 10 && figures.usable == 18)
        #expect(figures.curve.map(\.step) == [3, 4, 5])
        #expect(figures.scores == [.init("recall", 0.75)] && figures.scoredAt == 5 && figures.savedAt == 5)
        #expect(figures.visibleSeconds == 0.4)
    }

    @Test("A curve has so many points and no more, over the whole of a long run")
    func curve() {
        var curve = LossCurve(pointsMax: 120)
        for step in 1...100_000 { curve.add(step: step, Double(step)) }
        #expect((60...120).contains(curve.points.count))
        #expect((curve.points.first?.step ?? 0) < 2_000)
        #expect((curve.points.last?.step ?? 0) > 98_000)
        #expect(curve.points.allSatisfy { $0.value == Double($0.step) })
        curve.add(step: 102_400, .nan)
        #expect(curve.points.allSatisfy { $0.value.isFinite })
    }
}
