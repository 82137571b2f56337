// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import NeuralNetworks
import Records
import Testing
import VideoFeatures

@testable import MomentLocalization
@testable import Training

/// A checkpoint whose every part can be changed and written again, with a checksum that fits.
private struct EditedCheckpoint {
    var state: MomentCheckpoint.State
    private var tensors: [SafetensorsWriter.Tensor]

    init(_ checkpoint: MomentCheckpoint) throws {
        self.state = checkpoint.state
        self.tensors = try checkpoint.file.names.map { name in
            let shape = try #require(checkpoint.file.entry(name)?.shape)
            return SafetensorsWriter.Tensor(name, shape: shape, .float32(try checkpoint.file.floats(name)))
        }
    }

    mutating func set(_ place: Int, of name: String, to value: Float) {
        for index in self.tensors.indices where self.tensors[index].name == name {
            guard case .float32(var values) = self.tensors[index].elements else { continue }
            values[place] = value
            self.tensors[index].elements = .float32(values)
        }
    }

    func write(_ name: String, in folder: String) throws {
        try CheckpointFile.write(self.tensors, state: self.state, name, in: folder)
    }
}

/// Files that claim the impossible, and runs that they must not reach.
@Suite struct HostileInputTests {
    private let world: TrainingWorld

    init() throws { self.world = try TrainingWorld() }

    private func write(_ bytes: Bytes, _ name: String) throws -> String {
        let path = self.world.root.appending(path: name).path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    // MARK: Features

    private static func npy(_ shape: String, _ data: Bytes = []) -> Bytes {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape)), }\n"
        return [0x93] + Bytes("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Bytes(header.utf8) + data
    }

    private static func safetensors(_ shape: String) -> Bytes {
        let header = #"{"features":{"dtype":"F32","shape":[\#(shape)],"data_offsets":[0,0]}}"#
        return [UInt8(header.utf8.count)] + Bytes(repeating: 0, count: 7) + Bytes(header.utf8)
    }

    @Test(arguments: [
        "0, 140737488355328", "0, 9223372036854775807", "0, 4611686018427387904", "0, 65537", "0, 99999999999999999999",
        "4611686018427387904, 0, 4611686018427387904",
    ])
    func noRowsOfManyColumnsAreRefused(shape: String) throws {
        for (bytes, ending) in [(Self.npy(shape), "npy"), (Self.safetensors(shape), "safetensors")] {
            let path = try self.write(bytes, "zero.\(ending)")
            let error = #expect(throws: TensorFileError.self) { try FeatureFile(path: path) }
            #expect(error?.message.contains(path) == true)
            #expect(throws: TensorFileError.self) {
                try FeatureStore.columns(in: self.world.root.path, names: ["zero.\(ending)"])
            }
        }
        let dimensions = shape.split(separator: ", ").compactMap { Int($0) }
        guard dimensions.count == 2, dimensions[1] < 1 << 48 else { return }
        let path = try self.write(TorchFixture(shape: dimensions).bytes, "zero.pt")
        #expect(throws: TensorFileError.self) { try FeatureFile(path: path) }
    }

    @Test func noRowsAtAllAreAGap() throws {
        for (bytes, ending) in [(Self.npy("0, 8"), "npy"), (TorchFixture(shape: [0, 8]).bytes, "pt")] {
            #expect(try FeatureFile(path: self.write(bytes, "none.\(ending)")).rows == 0)
        }
        #expect(ElementType.float32.count(of: [0, 1 << 60]) == 0)
        #expect(
            ElementType.float32.count(of: [0, 1 << 62]) == nil && ElementType.uint8.count(of: [1 << 62, 2, 0]) == nil)
        #expect(ElementType.float64.count(of: []) == 1 && ElementType.float64.count(of: [3, 5]) == 15)
    }

    @Test func entriesOfArchivesAreCheckedByTheirChecksum() throws {
        let values: [Float] = [1, 2, 3, -4, 5.5, 0.25]
        let fixture = TorchFixture(data: TorchFixture.floats(values), checksums: true)
        let whole = fixture.bytes
        let sound = try FeatureFile(path: self.write(whole, "sound.pt"))
        #expect(try sound.read(0..<2).values == values)
        let data = try #require(Data(whole).range(of: Data(TorchFixture.floats(values))))
        for place in [data.lowerBound, data.upperBound - 1] {
            var flipped = whole
            flipped[place] ^= 1
            let file = try FeatureFile(path: self.write(flipped, "flipped.pt"))
            // Rows that are whole themselves are of a file that is not.
            for rows in [0..<1, 1..<2] {
                let error = #expect(throws: TensorFileError.self) { try file.read(rows) }
                #expect(error?.code == .corrupt && error?.message.contains("checksum of its entry clip/data/0") == true)
            }
        }
        // A pickle that still reads as a tensor.
        var stride = whole
        let pickle = try #require(Data(whole).range(of: Data([0x4b, 2, 0x4b, 3, 0x86])))
        stride[pickle.lowerBound + 1] = 1
        let path = try self.write(stride, "pickle.pt")
        let error = #expect(throws: TensorFileError.self) { try FeatureFile(path: path) }
        #expect(error?.message.contains("data.pkl") == true)
    }

    // MARK: Checkpoints

    private func checkpoint() throws -> MomentCheckpoint {
        try self.world.publish((0..<9).map { TrainingWorld.sample($0) })
        try self.world.run(try self.world.training(self.world.parts("run", self.world.options(steps: 2))))
        return try #require(try CheckpointFolder(path: self.world.folder("run")).latest())
    }

    @Test func editedCheckpointsAreRefusedBeforeAnythingIsMadeOfThem() throws {
        let whole = try EditedCheckpoint(self.checkpoint())
        let edits: [(String, (inout EditedCheckpoint) -> Void)] = [
            ("--heads", { $0.state.description.configuration.heads = 0 }),
            ("--heads", { $0.state.description.configuration.heads = -1 }),
            ("does not divide", { $0.state.description.configuration.heads = 3 }),
            ("--dim", { $0.state.description.configuration.width = 1 << 62 }),
            ("--max-pos-len", { $0.state.description.configuration.positionsMax = 1 << 62 }),
            ("features a moment", { $0.state.description.configuration.videoFeatureWidth = 1 << 62 }),
            ("--dropout", { $0.state.description.configuration.dropRate = 2 }),
            ("--highlight-lambda", { $0.state.description.configuration.highlightWeight = -1 }),
            (
                "known words",
                {
                    $0.state.description.configuration.text = .tokens(
                        words: 1 << 62, wordWidth: 1 << 62, characters: 9, characterWidth: 4)
                }
            ),
            ("needs [", { $0.state.description.configuration.width = 4096 }),
            ("reads the states of an encoder", { $0.state.description.configuration.text = .encoded(width: 768) }),
            ("\"step\" is -1", { $0.state.step = -1 }),
            ("\"step\" is 3 of 2", { $0.state.step = 3 }),
            ("--steps", { $0.state.options.steps = .max }),
            ("--batch-size", { $0.state.options.batchSize = 0 }),
            ("--segment-steps", { $0.state.options.segmentSteps = .min }),
            ("\"words\"", { $0.state.description.words?.removeLast() }),
            ("\"characters\"", { $0.state.description.characters?.append("ж") }),
            ("no vocabulary", { $0.state.description.words = nil }),
            ("\"usable\"", { $0.state.usable = -5 }),
            ("\"bestScore\"", { $0.state.bestScore = 7 }),
            ("\"bestStep\"", { $0.state.bestStep = 9 }),
            ("\"plan\"", { $0.state.plan[0].steps = .max }),
            ("\"plan\"", { $0.state.plan[0].firstStep = .min }),
            ("NaN", { $0.set(0, of: "video_affine.linear.conv1d.bias", to: .nan) }),
            ("NaN", { $0.set(3, of: "optimizer.first", to: .infinity) }),
            ("below zero", { $0.set(3, of: "optimizer.second", to: -1) }),
        ]
        for (word, edit) in edits {
            var edited = whole
            edit(&edited)
            // Its checksum fits: it is what the file says that is wrong.
            try edited.write("edited.safetensors", in: self.world.root.path)
            let path = self.world.folder("edited.safetensors")
            let error = #expect(throws: TrainingError.self, "\(word)") { try MomentCheckpoint(path: path) }
            #expect(error?.code == .checkpoint, "\(word)")
            #expect(
                error?.message.contains(path) == true && error?.message.contains(word) == true,
                "\(error?.message ?? "")")
        }
        try whole.write("edited.safetensors", in: self.world.root.path)
        #expect(try MomentCheckpoint(path: self.world.folder("edited.safetensors")).state == whole.state)
    }

    @Test func settingsBeyondReasonAreRefusedInWords() {
        var options = self.world.options(steps: 5)
        #expect(options.problem() == nil)
        options.steps = 2_000_000_000
        #expect(options.problem()?.contains("--steps must be at least 1") == true)
        options.steps = 5
        options.batchSize = 4097
        #expect(options.problem()?.contains("--batch-size") == true)
        options.batchSize = 4
        options.learningRate = .nan
        #expect(options.problem()?.contains("--learning-rate") == true)
        var configuration = TrainingWorld.configuration
        configuration.positionsMax = 2
        #expect(configuration.problem()?.contains("--max-pos-len") == true)
        let error = #expect(throws: ModelError.self) { try VSLNet.checked(configuration, seed: 1, threads: 1) }
        #expect(error?.description.contains("--max-pos-len") == true)
        let threads = #expect(throws: ModelError.self) {
            try VSLNet.checked(TrainingWorld.configuration, seed: 1, threads: 5000)
        }
        #expect(threads?.description.contains("--threads") == true)
        #expect(FloatBuffer.allocate(count: .max) == nil && FloatBuffer.allocate(count: 1 << 55) == nil)
    }

    // MARK: Plans

    @Test func plansOfNumbersThatCannotBeAreRefused() throws {
        func problem(_ lines: String) throws -> String {
            let path = try self.write(Bytes(lines.utf8), "plan.jsonl")
            let error = #expect(throws: TrainingError.self, "\(lines)") { try PlanJournal(following: path) }
            #expect(error?.message.contains(path) == true)
            return error?.message ?? ""
        }
        func line(_ segment: Int, _ first: Int, _ steps: Int, _ shards: Int = 1, _ samples: Int = 1) -> String {
            #"{"segment":\#(segment),"first_step":\#(first),"steps":\#(steps),"shards":\#(shards),"samples":\#(samples),"#
                + "\"digest\":\"d\"}\n"
        }
        #expect(try problem(line(0, 0, .max)).contains("\"steps\""))
        #expect(try problem(line(0, 0, 5) + line(1, 5, 1_000_000_000)).contains("line 2"))
        #expect(try problem(line(0, 0, 5, -1)).contains("\"shards\" is -1"))
        #expect(try problem(line(0, 0, 5, 3) + line(1, 5, 5, 2)).contains("\"shards\" is 2"))
        #expect(try problem(line(0, 0, 5, 1, -7)).contains("\"samples\" is -7"))
        #expect(try problem(line(0, 0, 0)).contains("\"steps\" is 0"))
        #expect(try problem(line(1, 0, 5)).contains("\"segment\" is 1, not 0"))
        #expect(try problem("{\"segment\":\"0\"}\n").contains("a whole number belongs here"))
        #expect(try problem("{}\n").contains("no \"segment\""))
        #expect(try problem(String(repeating: "[", count: 100_000) + "\n").contains("deeper"))
        let path = try self.write([0xef, 0xbb, 0xbf] + Bytes((line(0, 0, 5) + line(1, 5, 5)).utf8), "marked.jsonl")
        #expect(try PlanJournal(following: path).segments.count == 2)
    }
}
