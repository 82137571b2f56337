// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Fuzzing
import NeuralNetworks
import Records
import Testing
import TextEncoders
import VideoFeatures

@testable import MomentLocalization
@testable import Training

/// Files that are almost right, for a bounded time each: they are read as another reader reads them, or refused with
/// the file's name; nothing traps or hangs.
@Suite struct FuzzTests {
    private let folder: URL

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "fuzz-\(UUID())")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    func write(_ bytes: Bytes, _ name: String) throws -> String {
        let path = self.folder.appending(path: name).path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// Reads a file of features: `nil` where it is refused, which must name the file.
    private func features(_ path: String) -> FeatureMatrix? {
        do throws(TensorFileError) {
            let file = try FeatureFile(path: path)
            return try file.read(0..<file.rows)
        } catch {
            #expect(error.message.contains(path))
            return nil
        }
    }

    /// The numbers of a matrix as a file of a type would hold them.
    private static func encoded(_ values: [Float], _ type: ElementType) -> Bytes? {
        switch type {
        case .float32: values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Bytes($0) } }
        case .float64:
            values.flatMap { value in withUnsafeBytes(of: Double(value).bitPattern.littleEndian) { Bytes($0) } }
        default: nil
        }
    }

    // MARK: Features

    private static let values: [Float] = [1, 2, 3, -4, 5.5, 0.25]
    private static let binary = FuzzTokens.numbers + FuzzTokens.text

    @Test func archivesOfPyTorchAreTheirOwnNumbersOrRefused() throws {
        let data = TorchFixture.floats(Self.values)
        let seeds = [
            TorchFixture(data: data, checksums: true).bytes, TorchFixture(data: data, zip64: true).bytes,
            TorchFixture(shape: [2, 1, 2], strides: [2, 9, 1], offset: 1, data: data, checksums: true).bytes,
            TorchFixture(shape: [0, 8]).bytes,
        ]
        let tokens =
            Self.binary + FuzzTokens(["PK\u{3}\u{4}", "PK\u{1}\u{2}", "PK\u{5}\u{6}", "torch\n", "(", "t", "R", "q"])
        for input in Fuzz("pt", seeds: seeds, tokens: tokens) {
            guard let matrix = self.features(try self.write(input.bytes, "f.pt")) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            try #require(matrix.values.count == matrix.rows * matrix.columns, "\(input)")
            try #require(matrix.firstNonFiniteRow == nil, "\(input)")
            // Whatever it claims, its numbers stand in the file as they are.
            let isThere = [ElementType.float32, .float64].contains { type in
                Self.encoded(matrix.values, type).map { Data(input.bytes).range(of: Data($0)) != nil || $0.isEmpty }
                    ?? false
            }
            let isRounded = ["HalfStorage", "BFloat16Storage", "DoubleStorage"].contains {
                Data(input.bytes).range(of: Data($0.utf8)) != nil
            }
            try #require(isThere || isRounded, "\(input)")
        }
    }

    @Test func arraysOfNumPyAreTheirOwnNumbersOrRefused() throws {
        func npy(_ header: String, version: UInt8 = 1) -> Bytes {
            let length = version == 1 ? [UInt8(header.utf8.count), 0] : [UInt8(header.utf8.count), 0, 0, 0]
            return [0x93] + Bytes("NUMPY".utf8) + [version, 0] + length + Bytes(header.utf8)
                + TorchFixture.floats(Self.values)
        }
        let seeds = [
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"),
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }\n", version: 2),
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }\n", version: 3),
        ]
        for input in Fuzz("npy", seeds: seeds, tokens: Self.binary) {
            guard let matrix = self.features(try self.write(input.bytes, "f.npy")) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            try #require(matrix.values.count == matrix.rows * matrix.columns, "\(input)")
            let width = input.bytes[6] >= 2 ? 4 : 2
            let length = input.bytes[8..<8 + width].reversed().reduce(0) { $0 << 8 | Int($1) }
            let start = 8 + width + length
            let header = String(decoding: input.bytes[8 + width..<start], as: UTF8.self)
            // The reader's own rule decides if the header says it twice, or otherwise.
            guard header.components(separatedBy: "descr").count == 2, header.contains("'descr': '<f4'") else {
                continue
            }
            try #require(input.bytes[start...].starts(with: TorchFixture.floats(matrix.values)), "\(input)")
        }
    }

    @Test func safetensorsAreReadAsTheirHeaderSays() throws {
        let tensors = [
            SafetensorsWriter.Tensor("features", shape: [2, 3], .float32(Self.values)),
            SafetensorsWriter.Tensor("steps", shape: [2], .int64([7, -1])),
        ]
        let seeds = [
            SafetensorsWriter.bytes([tensors[0]], metadata: ["format": "pt"]), SafetensorsWriter.bytes(tensors),
        ]
        let tokens =
            FuzzTokens.json
            + FuzzTokens(["F32", "F64", "BOOL", "\"dtype\"", "\"shape\"", "\"data_offsets\"", "__metadata__"])
        for input in Fuzz("safetensors", seeds: seeds, tokens: tokens) {
            let path = try self.write(input.bytes, "f.safetensors")
            _ = self.features(path)
            guard let file = try? SafetensorsFile(path: path) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            let length = input.bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
            let header = try #require(try? JSONValue(parsing: Bytes(input.bytes[8..<8 + length])), "\(input)")
            for name in file.names {
                let entry = try #require(file.entry(name))
                let own = try #require(Self.last(header, name), "\(input)")
                let offsets = (Self.last(own, "data_offsets")?.array ?? []).compactMap { $0.double.map { Int($0) } }
                try #require(offsets.count == 2, "\(input)")
                let bytes = try file.bytes(name)
                try #require(bytes == Bytes(input.bytes[8 + length + offsets[0]..<8 + length + offsets[1]]), "\(input)")
                try #require(try file.floats(name).count == entry.count, "\(input)")
            }
        }
    }

    /// The value of a key, the last where it stands there twice.
    static func last(_ value: JSONValue, _ key: String) -> JSONValue? {
        guard case .object(let members) = value else { return nil }
        return members.last { $0.key == key }?.value
    }

    // MARK: Runs

    @Test func checkpointsAreWhatWasWrittenOrRefused() throws {
        let world = try TrainingWorld()
        try world.publish((0..<9).map { TrainingWorld.sample($0) })
        var configuration = TrainingWorld.configuration
        configuration.width = 4
        try world.run(try world.training(world.parts("run", world.options(steps: 1), configuration: configuration)))
        let path = world.folder("run") + "/step-000000001.safetensors"
        let whole = try Bytes(Data(contentsOf: URL(fileURLWithPath: path)))
        let state = try MomentCheckpoint(path: path).state
        for input in Fuzz("checkpoint", seeds: [whole], tokens: .json, bytesMax: whole.count + 4096) {
            let path = try self.write(input.bytes, "c.safetensors")
            do {
                // A file read in spite of a change was not changed in what counts: the checksum is of all of it.
                let read = try MomentCheckpoint(path: path)
                try #require(read.state == state, "\(input)")
            } catch let error as TrainingError {
                try #require(error.code == .checkpoint && error.message.contains(path), "\(input): \(error)")
            }
        }
    }

    @Test func descriptionsOfCheckpointsAreOfARunOrRefused() throws {
        let world = try TrainingWorld()
        let parts = world.parts("run", world.options(steps: 4))
        let state = MomentCheckpoint.State(
            description: MomentDescription(TrainingWorld.configuration, vocabulary: TrainingWorld.vocabulary),
            options: parts.options, preparation: TrainingWorld.preparation, step: 2,
            plan: [Segment(segment: 0, firstStep: 0, steps: 4, shards: 1, samples: 9, digest: "d")], shards: ["a"],
            usable: 9, machine: .current, bestScore: 0.25, bestStep: 2)
        let seed = try Bytes(JSONEncoder().encode(state))
        let tokens = FuzzTokens.json + FuzzTokens(["\"heads\"", "\"tokens\"", "\"encoded\"", "\"width\"", "VSLBase"])
        for input in Fuzz("checkpoint-state", seeds: [seed], tokens: tokens) {
            guard let read = try? PlainDecoder.decode(MomentCheckpoint.State.self, from: input.bytes),
                read.problem() == nil
            else {
                continue
            }
            // A state that passes can be laid out, and the run's numbers computed with.
            let layout = VSLNet.layout(read.description.configuration)
            try #require(layout.trainedCount > 0 && layout.trainedCount < 1 << 44, "\(input)")
            try #require(read.step <= read.options.steps && (read.plan.last?.endStep ?? 0) <= 1_000_000_000, "\(input)")
        }
    }

    @Test func plansAreTheirLinesOrRefused() throws {
        let lines = (0..<3).map {
            #"{"digest":"d\#($0)","first_step":\#($0 * 10),"samples":\#($0 * 5),"segment":\#($0),"shards":\#($0 + 1),"steps":10}"#
        }
        let seed = lines.joined(separator: "\n") + "\n"
        for input in Fuzz("plan-journal", seeds: [seed], tokens: .json) {
            let path = try self.write(input.bytes, "plan.jsonl")
            let segments: [Segment]
            do throws(TrainingError) {
                segments = try PlanJournal(following: path).segments
            } catch {
                try #require(error.message.contains("plan"), "\(input)")
                continue
            }
            var step = 0
            let text = input.bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Bytes(input.bytes.dropFirst(3)) : input.bytes
            for (segment, line) in zip(segments, text.split(separator: 0x0a)) {
                let value = try #require(try? JSONValue(parsing: Bytes(line)), "\(input)")
                if case .object(let members) = value, Set(members.map(\.key)).count == members.count {
                    try #require(value["first_step"]?.double == Double(segment.firstStep), "\(input)")
                    try #require(value["shards"]?.double == Double(segment.shards), "\(input)")
                }
                try #require(segment.firstStep == step && segment.steps > 0, "\(input)")
                step = segment.endStep
            }
        }
    }

    @Test func experimentsAreWithinReasonOrRefused() throws {
        let seed = """
            {"arms": [{"name": "scratch"}, {"name": "naq", "shards": "naq", "jitter": 2.5, "control": "blank-queries"}],
             "seeds": [1, 2], "baseline": "scratch", "pretrain_steps": 10, "finetune_steps": 5,
             "pretrain_learning_rate": 1e-3, "finetune_learning_rate": 5e-4, "batch_size": 4, "warmup": 0.05,
             "validation_steps": 5}
            """
        for input in Fuzz("experiment", seeds: [seed], tokens: .json) {
            let plan: MomentPlan
            do throws(TrainingError) {
                plan = try MomentPlan(json: input.bytes, path: "plan.json")
            } catch {
                try #require(error.code == .usage && error.message.contains("plan.json"), "\(input)")
                try #require(
                    !error.message.contains("Swift") && !error.message.contains("CodingKey"), "\(error.message)")
                continue
            }
            try #require(plan.pretrainSteps + plan.finetuneSteps <= 1_000_000_000, "\(input)")
            try #require(plan.seeds.allSatisfy { $0 <= UInt64(Int.max) }, "\(input)")
            try #require(plan.arms.contains { $0.name == plan.baseline }, "\(input)")
        }
    }

    // MARK: Text

    @Test func vectorsAreThoseOfTheirLines() throws {
        let seed = "the 0.5 -1 2e-1\ncup 1 2 3\nof 4 5 6\nput 1e-3 0 7\n"
        for input in Fuzz("glove", seeds: [seed], tokens: .table) {
            let path = try self.write(input.bytes, "glove.txt")
            let vectors: WordVectors
            do throws(TensorFileError) {
                vectors = try WordVectors(path: path, wanted: ["the", "of", "put"])
            } catch {
                try #require(error.message.contains(path), "\(input)")
                continue
            }
            var expected: [String: [Float]] = [:]
            let start = input.bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
            for line in input.bytes[start...].split(separator: 0x0a) {
                let parts = line.split { [0x20, 0x09, 0x0d].contains($0) }.map { String(decoding: $0, as: UTF8.self) }
                let numbers = parts.dropFirst().compactMap { Float($0) }.filter(\.isFinite)
                guard let word = parts.first, line.first.map({ ![0x20, 0x09, 0x0d].contains($0) }) == true,
                    numbers.count == vectors.width, parts.count == numbers.count + 1
                else { continue }
                expected[word] = numbers
            }
            for word in ["the", "of", "put"] where vectors.has(word) {
                try #require(vectors.matrix([word]) == expected[word] ?? [], "\(word) in \(input)")
            }
        }
    }

    @Test func vocabulariesCutAnyTextOrAreRefused() throws {
        let seed = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nwhere\ndid\ni\nput\nthe\ncup\n##s\n?\n"
        let texts = ["where did i put the cups?", "", "é中\u{200d}\0", String(repeating: "x", count: 300)]
        for input in Fuzz("vocabulary", seeds: [seed], tokens: .text) {
            let path = try self.write(input.bytes, "vocab.txt")
            let tokenizer: WordPieceTokenizer
            do throws(TensorFileError) {
                tokenizer = try WordPieceTokenizer(vocabulary: path)
            } catch {
                try #require(error.message.contains(path), "\(input)")
                continue
            }
            let lines = input.bytes.count { $0 == 0x0a } + 1
            for text in texts {
                let ids = tokenizer.tokens(text, countMax: 16).ids
                try #require((2...16).contains(ids.count) && ids.allSatisfy { (0..<lines).contains($0) }, "\(input)")
            }
        }
    }
}
