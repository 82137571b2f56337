// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import ForecastGolden
import Foundation
import NeuralNetworks
import Records
import Testing

/// The network of feature mode against the official heads: logits, probabilities, losses, gradients, steps of Adam.
@Suite struct HeadGoldenTests {
    private static let files = (try? ForecastGolden.cases("lta_head_")) ?? []

    /// A case: the official model's numbers and what it was made of.
    struct Case {
        let name: String
        let json: JSONValue
        let file: SafetensorsFile

        init(_ name: String) throws {
            self.name = name
            self.json = try JSONValue(parsing: Bytes(try ForecastGolden.json(name)))
            self.file = try SafetensorsFile(path: ForecastGolden.tensors(name))
        }

        func config(_ key: String) throws -> Int { try #require(self.json["config"]?[key]?.int, "\(key)") }

        func description() throws -> ForecastDescription {
            let classes = try #require(self.json["config"]?["NUM_CLASSES"]?.array).compactMap(\.int)
            var description = ForecastDescription(
                featureWidth: try self.config("d_backbone"), verbs: classes[0], nouns: classes[1])
            description.width = try self.config("MULTI_INPUT_FEATURES")
            description.inputs = try self.config("NUM_INPUT_CLIPS")
            description.futures = try self.config("Z")
            description.headDropout = 0
            description.transformerDropout = 0
            switch try #require(self.json["config"]?["aggregator"]?.string) {
            case "ConcatAggregator": description.aggregator = .concat
            case "MeanAggregator": description.aggregator = .mean
            default:
                description.aggregator = .transformer
                description.heads = try self.config("transformer_heads")
                description.layers = try self.config("transformer_layers")
                description.feedForward = try self.config("transformer_ffn")
            }
            return description
        }

        /// A network with the case's weights: every tensor of the file must be one of ours, and the other way round.
        func network(threads: Int = 2) throws -> ForecastNetwork {
            let network = try ForecastNetwork(try self.description(), seed: 1, threads: threads)
            let names = Set(self.file.names.filter { $0.hasPrefix("weights.") }.map { String($0.dropFirst(8)) })
            #expect(names == Set(network.parameters.layout.parameters.map(\.name)), "\(self.name)")
            for parameter in network.parameters.layout.parameters {
                let values = try self.file.floats("weights.\(parameter.name)", shape: parameter.shape)
                // Values that are computed must be those that are stored there.
                if !parameter.isTrained {
                    #expect(Self.worst(network.parameters[parameter], values) < 1e-5, "\(parameter.name)")
                }
                network.parameters[parameter] = values
            }
            return network
        }

        func batch(learning: Bool) throws -> ForecastBatch {
            let features = try self.file.floats("input.features")
            let labels = try self.file.integers("input.labels")
            let truth = stride(from: 0, to: labels.count, by: 2).map { Action(verb: labels[$0], noun: labels[$0 + 1]) }
            return ForecastBatch(
                windows: try self.config("batch"), features: features, truth: learning ? truth : nil)
        }

        static func worst(_ ours: [Float], _ theirs: [Float]) -> Float {
            ours.count == theirs.count ? zip(ours, theirs).map { abs($0 - $1) }.max() ?? 0 : .infinity
        }
    }

    @Test func thereAreCases() throws { #expect(try !ForecastGolden.cases("lta_head_").isEmpty) }

    @Test(arguments: files) func logitsAreTheOfficialOnes(_ name: String) throws {
        let golden = try Case(name)
        let logits = try golden.network().logits(try golden.batch(learning: false))
        let verbs = logits.flatMap { $0.verbs.flatMap(\.self) }, nouns = logits.flatMap { $0.nouns.flatMap(\.self) }
        for kind in ["eval", "train"] {
            #expect(Case.worst(verbs, try golden.file.floats("\(kind).logits_verb")) < 1e-4, "\(name)")
            #expect(Case.worst(nouns, try golden.file.floats("\(kind).logits_noun")) < 1e-4, "\(name)")
        }
        let best = logits.flatMap { ForecastDraw.candidates(1, of: $0, key: "", seed: 0)[0] }
        #expect(best.map(\.verb) == (try golden.file.integers("eval.argmax_verb")), "\(name)")
        #expect(best.map(\.noun) == (try golden.file.integers("eval.argmax_noun")), "\(name)")
    }

    @Test(arguments: files) func drawsFollowTheProbabilities(_ name: String) throws {
        let golden = try Case(name)
        let logits = try golden.network().logits(try golden.batch(learning: false))
        let classes = golden.description
        let verbs = try classes().verbs, futures = try classes().futures
        let expected = try golden.file.floats("eval.sampling_probs_verb")
        let count = 20_000
        for (window, one) in logits.enumerated().prefix(2) {
            let draws = ForecastDraw.candidates(count, of: one, key: "w\(window)", seed: 3)
            #expect(draws.count == count && draws.allSatisfy { $0.count == futures })
            for step in 0..<min(3, futures) {
                for verb in 0..<verbs {
                    let share = Double(draws.count { $0[step].verb == verb }) / Double(count)
                    let probability = Double(expected[(window * futures + step) * verbs + verb])
                    let deviation = (probability * (1 - probability) / Double(count)).squareRoot()
                    #expect(abs(share - probability) < 5 * deviation + 1e-4, "\(name), step \(step), verb \(verb)")
                }
            }
        }
    }

    @Test(arguments: files) func gradientsAreTheOfficialOnes(_ name: String) throws {
        let golden = try Case(name)
        let network = try golden.network()
        let losses = try network.differentiate(try golden.batch(learning: true), drops: nil)
        let expected = try #require(golden.json["loss"]?["value"]?.double)
        #expect(abs(losses.verb + losses.noun - expected) <= 1e-5 * expected, "\(name)")
        let trained = network.parameters.layout.parameters.filter(\.isTrained)
        let largest = try trained.flatMap { try golden.file.floats("grad.\($0.name)") }.map(abs).max() ?? 0
        for parameter in trained {
            let ours = network.gradients.values(parameter.offset..<parameter.offset + parameter.count)
            let worst = Case.worst(ours, try golden.file.floats("grad.\(parameter.name)"))
            #expect(worst <= 1e-4 * largest, "\(name), \(parameter.name): \(worst) beside \(largest)")
        }
    }

    @Test(arguments: files) func stepsAreTheOfficialOnes(_ name: String) throws {
        let golden = try Case(name)
        let network = try golden.network()
        let optimizer = try #require(golden.json["optimizer"])
        var configuration = Adam.Configuration()
        configuration.weightDecay = Float(try #require(optimizer["weight_decay"]?.double))
        let adam = Adam(network.parameters.layout, configuration)
        let rates = try #require(optimizer["lr_used"]?.array).compactMap(\.double)
        let before = try #require(optimizer["loss_before_each_step"]?.array).compactMap(\.double)
        for (step, rate) in rates.enumerated() {
            let losses = try network.differentiate(try golden.batch(learning: true), drops: nil)
            #expect(abs(losses.verb + losses.noun - before[step]) <= 1e-5 * before[step], "\(name), step \(step)")
            adam.update(
                network.parameters, gradients: network.gradients, learningRate: rate, step: step + 1)
        }
        let noise = golden.json["float64_check"]?["after_max_abs_diff"]
        for parameter in network.parameters.layout.parameters where parameter.isTrained {
            let worst = Case.worst(
                network.parameters[parameter], try golden.file.floats("after.\(parameter.name)"))
            // Rounding decides the size of a step if Float32 and Float64 part: at most the rates' sum.
            let allowed = noise?[parameter.name]?.double == nil ? 1e-5 : 2 * rates.reduce(0, +)
            #expect(Double(worst) <= allowed, "\(name), \(parameter.name): \(worst)")
        }
        let last = try network.differentiate(try golden.batch(learning: true), drops: nil)
        let after = try #require(optimizer["loss_after_3"]?.double)
        #expect(abs(last.verb + last.noun - after) <= 1e-4 * after, "\(name)")
    }

    @Test(arguments: files) func threadsChangeNoBit(_ name: String) throws {
        let golden = try Case(name)
        let batch = try golden.batch(learning: true)
        // Several micro-batches, so that threads have something to share.
        let copies = 2 * ForecastNetwork.microBatchSize
        let many = ForecastBatch(
            windows: copies * batch.windows, features: Array(repeating: batch.features, count: copies).flatMap(\.self),
            truth: Array(repeating: batch.truth ?? [], count: copies).flatMap(\.self))
        let one = try golden.network(threads: 1), two = try golden.network(threads: 2)
        let first = try one.differentiate(many, drops: (key: 5, step: 2))
        let second = try two.differentiate(many, drops: (key: 5, step: 2))
        #expect(first == second)
        #expect(one.gradients.values() == two.gradients.values())
    }
}
