// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Foundation
import NeuralNetworks
import Synchronization
import Threads

/// Our side of `ops/bench/encoders`: it makes one invented batch of clips, then does what each line of its input says
/// and answers with a line of JSON, so that two programs can take turns on one machine.
///
///     train        one training step: features, gradients of their weighted sum, Adam   {"seconds": 0.07, …}
///     predict      the features of each clip                                           {"seconds": 0.02, …}
///     gemm N M K   the rate of SGEMM itself, one thread                                {"gflops": 92.1}
///     adam         the rate of the optimizer's memory traffic, one thread              {"gigabytes": 9.1}
///     about        what runs here, and the most memory it has used                     {"core": "SkylakeX", …}
@main struct EncoderBenchmark {
    static func main() throws {
        let run = try Run(CommandLine.arguments.dropFirst())
        while let line = readLine() {
            FileHandle.standardOutput.write(Data((try run.answer(line) + "\n").utf8))
        }
    }
}

struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A batch of clips, an encoder, and a workspace for each thread.
private final class Run {
    private let encoder: VideoEncoder
    private let parameters: Parameters
    private let optimizer: Adam
    private let tree: GradientTree
    private let team: ThreadTeam
    private let training: Room?, inference: Room
    private let clips: [FloatBuffer]
    private let memories: [ClipMemory?]
    private var step = 0

    /// Workspaces of one kind, and the places in them.
    private struct Room: Sendable {
        let cache: VideoEncoder.Cache, features: FloatSlot, workspaces: [Workspace]

        init(_ encoder: VideoEncoder, training: Bool, threads: Int) {
            var plan = WorkspacePlan()
            self.features = plan.floats(encoder.configuration.features)
            self.cache = encoder.plan(&plan, training: training)
            self.workspaces = (0..<threads).map { [plan] _ in Workspace(plan) }
        }
    }

    init(_ arguments: ArraySlice<String>) throws {
        var rest = arguments, configuration = EncoderConfiguration.tiny, batch = 8, threads = 2, trains = true
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw UsageError("\(name) needs a value") }
            switch (name, value, Int(value)) {
            case ("--case", "mvit-tiny", _): configuration = .tiny
            case ("--case", "memvit-tiny", _): configuration = .tiny(.fixed)
            case ("--case", "mvit-b", _): (configuration, trains) = (EncoderConfiguration(), false)
            case ("--batch", _, let number?): batch = number
            case ("--threads", _, let number?): threads = number
            default: throw UsageError("\(name) \(value) is not understood; see the top of EncoderBenchmark.swift")
            }
        }
        if let problem = configuration.problem() { throw UsageError(problem) }
        var layout = ParameterLayout(), sites = DropoutSites(), random = PhiloxGenerator(seed: 1, stream: "clips")
        let encoder = VideoEncoder(configuration, in: &layout, sites: &sites)
        self.encoder = encoder
        self.parameters = Parameters(layout, seed: 1)
        self.optimizer = Adam(layout, Adam.Configuration())
        self.tree = GradientTree(count: trains ? layout.trainedCount : 0)
        self.team = try ThreadTeam(count: threads)
        self.training = trains ? Room(encoder, training: true, threads: threads) : nil
        self.inference = Room(encoder, training: false, threads: threads)
        self.clips = (0..<batch).map { _ in
            FloatBuffer((0..<encoder.pixelCount).map { _ in random.normal() })
        }
        self.memories = (0..<batch).map { _ in encoder.makeMemory() }
    }

    func answer(_ line: String) throws -> String {
        let words = line.split(separator: " "), start = ContinuousClock.now, processor = Self.processorSeconds()
        switch words.first {
        case "train": try self.train()
        case "predict": self.predict()
        case "gemm":
            let sizes = words.dropFirst().compactMap { Int($0) }
            guard sizes.count == 3 else { throw UsageError("gemm N M K") }
            return #"{"gflops": \#(Self.multiplicationRate(sizes[0], sizes[1], sizes[2]))}"#
        case "adam": return #"{"gigabytes": \#(self.updateRate())}"#
        case "about":
            return """
                {"core": "\(BLAS.core.name)", "kernels": "\(BLAS.instructionSet)", \
                "parameters": \(self.parameters.layout.trainedCount), "peak_mib": \(try Self.peakMemory())}
                """
        default: throw UsageError("\(line) is not understood; see the top of EncoderBenchmark.swift")
        }
        return """
            {"seconds": \(Self.seconds(since: start)), "cpu_seconds": \(Self.processorSeconds() - processor)}
            """
    }

    private func train() throws {
        guard let room = self.training else { throw UsageError("this case is not trained") }
        guard self.tree.begin(parts: self.clips.count, threads: self.team.count) else { throw UsageError("no memory") }
        self.team.run(self.clips.count) { [encoder, parameters, tree, clips, memories] thread in
            while let part = tree.take() {
                let pass = Pass(
                    parameters: parameters, gradients: part.buffer, workspace: room.workspaces[thread], dropout: nil,
                    firstSample: part.index, samples: 1)
                let features = pass.matrix(room.features, rows: 1, columns: encoder.configuration.features)
                var clip = VideoEncoder.Clip(pixels: clips[part.index].start, memory: memories[part.index])
                encoder.forward(&clip, into: features, cache: room.cache, pass)
                for column in 0..<features.columns { features.start[column] = column % 2 == 0 ? 0.1 : -0.1 }
                encoder.backward(clip, dfeatures: features, cache: room.cache, pass)
                tree.finish(part)
            }
        }
        self.step += 1
        self.optimizer.update(
            self.parameters, gradients: self.tree.sum, clip: 1, learningRate: 1e-4, step: self.step)
    }

    private func predict() {
        let next = Atomic<Int>(0), room = self.inference
        self.team.run(self.clips.count) { [encoder, parameters, clips, memories] thread in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < clips.count else { return }
                let pass = Pass(
                    parameters: parameters, gradients: nil, workspace: room.workspaces[thread], dropout: nil,
                    firstSample: index, samples: 1)
                var clip = VideoEncoder.Clip(pixels: clips[index].start, memory: memories[index])
                encoder.forward(
                    &clip, into: pass.matrix(room.features, rows: 1, columns: encoder.configuration.features),
                    cache: room.cache, pass)
            }
        }
    }

    /// GB/s of Adam over parameters, gradients and two means: seven floats are read or written for each.
    private func updateRate() -> Double {
        let count = self.parameters.layout.trainedCount, gradients = FloatBuffer(count: count)
        let repeats = max(1, 20_000_000 / count)
        return (0..<5).map { _ in
            let start = ContinuousClock.now
            for _ in 0..<repeats {
                self.optimizer.update(self.parameters, gradients: gradients, clip: 1, learningRate: 0, step: 1)
            }
            return Double(7 * 4 * count * repeats) / Self.seconds(since: start) / 1e9
        }.max() ?? 0
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

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let time = (ContinuousClock.now - start).components
        return Double(time.seconds) + Double(time.attoseconds) * 1e-18
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// The most memory that the process has held, in MiB, as the kernel counts it.
    private static func peakMemory() throws -> Double {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let number = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({
                Double($0)
            })
        else { throw UsageError("no VmHWM in /proc/self/status") }
        return number / 1024
    }
}
