// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentLocalization
import MomentQueries
import NeuralNetworks
import RecordLog
import RecordLogTesting
import Records
import Shards
import TextEncoders
import ToyNetwork
import Training

/// A small world to train in: features that say where each thing is, shards that land when they are told to, a network
/// that takes milliseconds.
final class TrainingWorld {
    let root: URL
    private let shelf: ShardShelf
    var log: MemoryLog { self.shelf.log }
    var shards: FileShardStorage { self.shelf.storage }

    static let videos = 6
    static let columns = 8
    static let things = ["cup", "bowl", "knife", "towel"]

    init() throws {
        self.root = FileManager.default.temporaryDirectory.appending(path: "training-\(UUID())")
        self.shelf = try ShardShelf("nlq", folder: self.root.appending(path: "shards").path)
        try FileManager.default.createDirectory(at: self.features, withIntermediateDirectories: true)
        for video in 0..<Self.videos {
            let rows = 64
            let values = (0..<rows * Self.columns).map { Float(($0 * 7919 + video * 104729) % 97) / 97 - 0.5 }
            let tensor = SafetensorsWriter.Tensor("features", shape: [rows, Self.columns], .float32(values))
            try Data(SafetensorsWriter.bytes([tensor])).write(
                to: self.features.appending(path: "v\(video).safetensors"))
        }
    }

    deinit { try? FileManager.default.removeItem(at: self.root) }

    var features: URL { self.root.appending(path: "features") }

    /// A sample in the schema `nlq`: each number another.
    static func sample(_ number: Int, video: String? = nil, length: Double = 2) -> Bytes {
        let start = Double(number * 37 % 29)
        let thing = self.things[number % self.things.count]
        let uid = video ?? "v\(number % self.videos)"
        return Bytes(
            """
            {"query_id":"q\(number)","video_uid":"\(uid)","clip_uid":"\(uid)-clip","annotation_uid":"a\(number)",\
            "query":"Where did I put the \(thing)?","template":"Objects: Where did I put X?","clip_start_sec":\(start),\
            "clip_end_sec":\(start + length),"video_start_sec":\(start),"video_end_sec":\(start + length),\
            "clip_duration_sec":32}
            """.utf8)
    }

    /// Publishes samples as the next shard.
    @discardableResult func publish(_ samples: [Bytes]) throws -> ManifestEntry { try self.shelf.publish(samples) }

    static let configuration: VSLNetConfiguration = {
        var configuration = VSLNetConfiguration(videoFeatureWidth: TrainingWorld.columns)
        configuration.width = 8
        configuration.heads = 2
        configuration.positionsMax = 16
        let vocabulary = TrainingWorld.vocabulary
        configuration.text = .tokens(
            words: vocabulary.words.count, wordWidth: WordVectors().width, characters: vocabulary.characters.count + 2,
            characterWidth: 4)
        return configuration
    }()

    static let vocabulary = WordVocabulary(
        sentences: TrainingWorld.things.map { "where did i put the \($0)?" }, isKnown: { _ in true })

    func options(steps: Int) -> TrainingOptions {
        var options = TrainingOptions(source: "nlq", steps: steps)
        options.batchSize = 6
        options.segmentSteps = 5
        options.learningRate = 1e-2
        return options
    }

    static let preparation: MomentPreparation = {
        var preparation = MomentPreparation(text: "words")
        preparation.jitterScale = 2.5
        return preparation
    }()

    /// The parts of a run in a folder.
    func parts(
        _ name: String, _ options: TrainingOptions, threads: Int = 1, configuration: VSLNetConfiguration? = nil,
        preparation: MomentPreparation = TrainingWorld.preparation, checkpointSteps: Int = 4
    ) -> MomentTrainer.Parts {
        let configuration = configuration ?? Self.configuration
        let model = VSLNet(configuration, seed: options.seed, threads: threads)
        if let known = model.layout["embedding_net.word_emb.glove_vec"] {
            model.parameters[known] = WordVectors().matrix(Self.vocabulary.words)
        }
        var schedule = MomentTrainer.Schedule()
        schedule.checkpointSteps = checkpointSteps
        let network = MomentLocalizer(
            model,
            features: FeatureStore(
                folder: self.features.path, bins: configuration.positionsMax, columns: configuration.videoFeatureWidth),
            text: TextEncoder(.words(Self.vocabulary), countMax: configuration.positionsMax), preparation)
        return MomentTrainer.Parts(
            network: network, options: options, folder: CheckpointFolder(path: self.folder(name)), schedule: schedule)
    }

    func folder(_ name: String) -> String { self.root.appending(path: name).path }

    typealias Training = ShardTraining<MomentLocalizer, MomentReader>

    func training(_ parts: MomentTrainer.Parts, following plan: String? = nil) throws -> Training {
        try ShardTraining(
            self.shelf.tail(), storage: self.shards,
            reader: MomentReader(features: parts.network.loader.features, rule: parts.network.preparation.targets),
            parts, following: plan,
            waiting: ShardWaiting(isAllowed: false, pause: { _ in false }, onSight: { _ in }))
    }

    /// Runs a training until `stop` says so at some step.
    @discardableResult func run(
        _ training: Training, stop: @escaping (Int) -> Bool = { _ in false },
        onStep: (Int) throws -> Void = { _ in }
    ) throws -> TrainingOutcome {
        var failure: (any Error)?
        let outcome = try training.trainer.run(
            isStopping: { failure != nil || stop(training.trainer.step) },
            onEvent: { event in
                guard case .step(let step) = event, failure == nil else { return }
                do { try onStep(step.step) } catch { failure = error }
            })
        if let failure { throw failure }
        return outcome
    }
}
