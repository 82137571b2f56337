// SPDX-License-Identifier: Apache-2.0

public import Codecs
import DurableFiles
import Foundation
public import MomentLocalization
import NeuralNetworks
import Records
import TaskRooms
import TextEncoders
public import Training
public import VideoAnnotations

/// The sources of features and text.
public struct NetworkInputs {
    /// The folder of features.
    public var features: String
    /// The owners of the features in the files, videos or clips.
    public var layout: FeatureLayout
    /// The folder of a BERT.
    public var bert: String?
    /// Memory for features, and as much for text, in bytes.
    public var cacheBytes: Int
    /// The number of threads, if it was said.
    public var threads: Int?

    /// Describes sources.
    public init(features: String, layout: FeatureLayout, bert: String?, cacheBytes: Int, threads: Int?) {
        self.features = features
        self.layout = layout
        self.bert = bert
        self.cacheBytes = cacheBytes
        self.threads = threads
    }

    /// As many as the machine has cores, unless it was said.
    public var threadCount: Int { max(1, self.threads ?? ProcessInfo.processInfo.activeProcessorCount) }

    /// The features for a network.
    public func store(_ configuration: VSLNetConfiguration) -> FeatureStore {
        FeatureStore(
            folder: self.features, layout: self.layout, bins: configuration.positionsMax,
            columns: configuration.videoFeatureWidth, bytesMax: self.cacheBytes)
    }

    /// The number of features a moment, from the first file.
    public func featureWidth() throws -> Int {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: self.features)
        } catch {
            throw TaskFailure(.usage, "--features: \(FileFailure(of: error, "list", self.features).message)")
        }
        guard let width = try FeatureStore.columns(in: self.features, names: names) else {
            throw TaskFailure(
                .usage, "--features \(self.features) holds no file named .pt, .npy or .safetensors")
        }
        return width
    }

    /// The encoder of `--bert`, and the hash of its weights.
    func bertEncoder() throws -> (encoder: BERTEncoder, tokenizer: WordPieceTokenizer, hash: String) {
        guard let bert else {
            throw TaskFailure(
                .usage,
                "queries are to be read by a BERT: give --bert DIR, a folder with model.safetensors, vocab.txt and "
                    + "config.json (such as bert-base-uncased); a network of --text words needs none")
        }
        try WordPieceTokenizer.checkConfiguration(folder: bert)
        return (
            try BERTEncoder(folder: bert), try WordPieceTokenizer(vocabulary: bert + "/vocab.txt"),
            try FileHash.sha256(bert + "/model.safetensors")
        )
    }

    /// The encoder of queries for a network that is there already.
    public func text(for checkpoint: MomentCheckpoint) throws -> TextEncoder {
        let countMax = checkpoint.state.description.configuration.positionsMax
        if let vocabulary = checkpoint.state.description.vocabulary {
            return TextEncoder(.words(vocabulary), countMax: countMax, bytesMax: self.cacheBytes)
        }
        let (encoder, tokenizer, hash) = try self.bertEncoder()
        guard checkpoint.state.preparation.text == "bert:" + hash else {
            throw TaskFailure(
                .usage, "--bert \(self.bert ?? "") holds other weights than those that the checkpoint was trained with")
        }
        return TextEncoder(.bert(encoder, tokenizer), countMax: countMax, bytesMax: self.cacheBytes)
    }
}

/// Annotation files, by path.
public enum Annotations {
    /// The content of a file.
    public static func bytes(_ path: String) throws -> Bytes { try UserFile.contents(path) }

    /// The annotations of a file.
    public static func read(_ path: String) throws -> AnnotationFile {
        try AnnotationFile(try self.bytes(path), path: path)
    }
}

/// Hashes of files.
public enum FileHash {
    /// The SHA-256 of a file's content.
    public static func sha256(_ path: String) throws -> String {
        let file = try UserFile.reporting { () throws(FileFailure) in try InputFile(path: path) }
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { chunk.deallocate() }
        var hash = ContentHash.Stream()
        while true {
            let count = try UserFile.reporting { () throws(FileFailure) in try file.read(into: chunk) }
            if count == 0 { return hash.finish() }
            hash.update(Bytes(chunk[..<count]))
        }
    }
}
