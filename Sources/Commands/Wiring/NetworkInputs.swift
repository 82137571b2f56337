// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import MomentLocalization
import NeuralNetworks
import Records
import TextEncoders
import Training
import VideoAnnotations

/// The sources of features and text.
struct NetworkInputs {
    var features: String
    var layout: FeatureLayout
    var bert: String?
    var cacheBytes: Int
    var threads: Int?

    /// As many as the machine has cores, unless it was said.
    var threadCount: Int { max(1, self.threads ?? ProcessInfo.processInfo.activeProcessorCount) }

    func store(_ configuration: VSLNetConfiguration) -> FeatureStore {
        FeatureStore(
            folder: self.features, layout: self.layout, bins: configuration.positionsMax,
            columns: configuration.videoFeatureWidth, bytesMax: self.cacheBytes)
    }

    /// The number of features a moment, from the first file.
    func featureWidth() throws -> Int {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: self.features)
        } catch {
            throw CommandFailure(.usage, "--features: \(FileFailure(of: error, "list", self.features).message)")
        }
        guard let width = try FeatureStore.columns(in: self.features, names: names) else {
            throw CommandFailure(
                .usage, "--features \(self.features) holds no file named .pt, .npy or .safetensors")
        }
        return width
    }

    /// The encoder of `--bert`, and the hash of its weights.
    func bertEncoder() throws -> (encoder: BERTEncoder, tokenizer: WordPieceTokenizer, hash: String) {
        guard let bert else {
            throw CommandFailure(
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
    func text(for checkpoint: MomentCheckpoint) throws -> TextEncoder {
        let countMax = checkpoint.state.description.configuration.positionsMax
        if let vocabulary = checkpoint.state.description.vocabulary {
            return TextEncoder(.words(vocabulary), countMax: countMax, bytesMax: self.cacheBytes)
        }
        let (encoder, tokenizer, hash) = try self.bertEncoder()
        guard checkpoint.state.preparation.text == "bert:" + hash else {
            throw CommandFailure(
                .usage, "--bert \(self.bert ?? "") holds other weights than those that the checkpoint was trained with")
        }
        return TextEncoder(.bert(encoder, tokenizer), countMax: countMax, bytesMax: self.cacheBytes)
    }
}

/// Annotation files, by path.
enum Annotations {
    static func bytes(_ path: String) throws -> Bytes { try UserFile.contents(path) }

    static func read(_ path: String) throws -> AnnotationFile { try AnnotationFile(try self.bytes(path), path: path) }
}

/// Hashes of files.
enum FileHash {
    static func sha256(_ path: String) throws -> String {
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

/// Files that the command line names, and what is wrong with them.
enum UserFile {
    /// Reads a file of text whole, without the byte-order mark that some editors put in front.
    /// - Parameter option: the option that names it, for the message.
    static func contents(_ path: String, of option: String? = nil) throws -> Bytes {
        let bytes = try self.reporting(option) { () throws(FileFailure) in try InputFile.contents(path) }
        return bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Bytes(bytes.dropFirst(3)) : bytes
    }

    /// Turns a failure into the command's: what is not there, or is no file, is the command line's fault.
    static func reporting<Result>(
        _ option: String? = nil, _ body: () throws(FileFailure) -> Result
    ) throws -> Result {
        do throws(FileFailure) {
            return try body()
        } catch {
            let isUsage = [.missing, .notAFile, .forbidden].contains(error.code)
            throw CommandFailure(isUsage ? .usage : .failed, (option.map { "\($0): " } ?? "") + error.message)
        }
    }
}
