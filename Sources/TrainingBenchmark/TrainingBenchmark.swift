// SPDX-License-Identifier: Apache-2.0

import Foundation
import MomentLocalization
import NeuralNetworks
import TextEncoders
import VideoFeatures

/// Our side of `ops/bench/training`: it makes one invented batch, then does what each line of its input says and
/// answers with a line of JSON, so that two programs can take turns on one machine.
///
///     train        one training step: losses, gradients, clipping, AdamW        {"seconds": 0.07, "loss": 12.1, …}
///     predict      the best spans of each sample                                {"seconds": 0.02, …}
///     gemm N M K   the rate of SGEMM itself, one thread                         {"gflops": 92.1}
///     bert FOLDER  the rate of encoding distinct queries of 12 tokens, one thread   {"queries_per_second": 210}
///     about        what runs here, and the most memory it has used              {"core": "SkylakeX", "taken": "Zen",
///     …}
@main struct TrainingBenchmark {
    static func main() throws {
        let settings = try Settings(CommandLine.arguments.dropFirst())
        var run = try Run(settings)
        while let line = readLine() {
            FileHandle.standardOutput.write(Data((try run.answer(line) + "\n").utf8))
        }
    }
}

/// The command line: `--NAME VALUE` pairs.
private struct Settings {
    var features = 256, text = 768, bins = 128, tokens = 12, batch = 32, threads = 2
    var dropout = 0.2
    var predictor = VSLNetConfiguration.Predictor.transformer

    init(_ arguments: ArraySlice<String>) throws {
        var rest = arguments
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw UsageError("\(name) needs a value") }
            switch (name, Int(value), Double(value)) {
            case ("--features", let number?, _): self.features = number
            case ("--text", let number?, _): self.text = number
            case ("--bins", let number?, _): self.bins = number
            case ("--tokens", let number?, _): self.tokens = number
            case ("--batch", let number?, _): self.batch = number
            case ("--threads", let number?, _): self.threads = number
            case ("--dropout", _, let number?): self.dropout = number
            case ("--predictor", _, _):
                guard let predictor = VSLNetConfiguration.Predictor(rawValue: value) else {
                    throw UsageError("--predictor is transformer or recurrent, not \(value)")
                }
                self.predictor = predictor
            default: throw UsageError("\(name) \(value) is not understood; see the top of TrainingBenchmark.swift")
            }
        }
    }
}

private struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

private struct Run {
    let settings: Settings
    let model: VSLNet
    let optimizer: Adam
    let batch: Batch
    var step = 0

    init(_ settings: Settings) throws {
        var configuration = VSLNetConfiguration(videoFeatureWidth: settings.features)
        configuration.text = .encoded(width: settings.text)
        configuration.predictor = settings.predictor
        configuration.positionsMax = max(settings.bins, 128)
        self.settings = settings
        self.model = VSLNet(configuration, seed: 1, threads: settings.threads)
        self.optimizer = Adam(self.model.layout, .adamW)
        var random = PhiloxGenerator(seed: 1, stream: "batch")
        self.batch = Batch(
            (0..<settings.batch).map { _ in
                let start = Int.random(in: 0..<settings.bins, using: &random)
                let end = min(start + 2, settings.bins - 1)
                return ModelSample(
                    video: Self.matrix(settings.bins, settings.features, &random),
                    text: .encoded(Self.matrix(settings.tokens, settings.text, &random), length: settings.tokens),
                    target: .init(
                        start: start, end: end,
                        highlight: (0..<settings.bins).map { (start...end).contains($0) ? 1 : 0 }))
            })
    }

    private static func matrix(_ rows: Int, _ columns: Int, _ random: inout PhiloxGenerator) -> FeatureMatrix {
        FeatureMatrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in random.normal() })
    }

    mutating func answer(_ line: String) throws -> String {
        let words = line.split(separator: " "), start = ContinuousClock.now, processor = Self.processorSeconds()
        switch words.first {
        case "train":
            let dropout = Dropout(
                rate: self.settings.dropout, source: .random(key: 1, step: UInt32(self.step)))
            let losses = try self.model.differentiate(self.batch, dropout: dropout)
            let (_, clip) = GradientClipping.measure(self.model.gradients, normMax: 1)
            self.step += 1
            self.optimizer.update(
                self.model.parameters, gradients: self.model.gradients, clip: clip, learningRate: 1e-4, step: self.step)
            return """
                {"seconds": \(Self.seconds(since: start)), "cpu_seconds": \(Self.processorSeconds() - processor), \
                "loss": \(losses.total)}
                """
        case "predict":
            let predictions = try self.model.predict(self.batch)
            return """
                {"seconds": \(Self.seconds(since: start)), "cpu_seconds": \(Self.processorSeconds() - processor), \
                "count": \(predictions.count)}
                """
        case "gemm":
            let sizes = words.dropFirst().compactMap { Int($0) }
            guard sizes.count == 3 else { throw UsageError("gemm N M K") }
            return #"{"gflops": \#(Self.multiplicationRate(sizes[0], sizes[1], sizes[2]))}"#
        case "bert":
            guard words.count == 2 else { throw UsageError("bert FOLDER") }
            return #"{"queries_per_second": \#(try Self.encodingRate(folder: String(words[1])))}"#
        case "about":
            return """
                {"core": "\(BLAS.core.name)", "taken": "\(BLAS.core.taken)", "kernels": "\(BLAS.instructionSet)", \
                "parameters": \(self.model.layout.trainedCount), "peak_mib": \(try Self.peakMemory())}
                """
        default:
            throw UsageError("\(line) is not understood; see the top of TrainingBenchmark.swift")
        }
    }

    /// GFLOP/s of (n, k) times (m, k) transposed, the form of a layer: the best of ten.
    private static func multiplicationRate(_ n: Int, _ m: Int, _ k: Int) -> Double {
        let a = FloatBuffer(count: n * k), b = FloatBuffer(count: m * k), c = FloatBuffer(count: n * m)
        let work = 2 * Double(n) * Double(m) * Double(k), repeats = max(1, Int(2e8 / work))
        return (0..<10).map { _ in
            let start = ContinuousClock.now
            for _ in 0..<repeats {
                multiply(
                    Matrix(a.start, rows: n, columns: k), .plain, Matrix(b.start, rows: m, columns: k), .transposed,
                    into: Matrix(c.start, rows: n, columns: m))
            }
            return work * Double(repeats) / Self.seconds(since: start) / 1e9
        }.max() ?? 0
    }

    /// Queries a second through a BERT, over at least two seconds; the cache of answers is left out.
    private static func encodingRate(folder: String) throws -> Double {
        let encoder = try BERTEncoder(folder: folder)
        var random = PhiloxGenerator(seed: 1, stream: "queries")
        let start = ContinuousClock.now
        var count = 0
        while Self.seconds(since: start) < 2 {
            _ = encoder.encode((0..<12).map { _ in Int.random(in: 1000..<20_000, using: &random) })
            count += 1
        }
        return Double(count) / Self.seconds(since: start)
    }

    /// The most memory that this process has held, in MiB.
    private static func peakMemory() throws -> Double {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { Double($0.split(separator: " ")[1]) }.map { $0 / 1024 } ?? 0
    }

    /// The processor time of all threads so far, which a busy machine disturbs less than the clock.
    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let passed = (ContinuousClock.now - start).components
        return Double(passed.seconds) + Double(passed.attoseconds) / 1e18
    }
}
