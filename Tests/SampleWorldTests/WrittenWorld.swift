// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SampleWorld

/// A folder that is removed when the test is over.
final class TemporaryFolder {
    let url: URL

    init() throws {
        self.url = FileManager.default.temporaryDirectory.appendingPathComponent("sample-world-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: self.url) }
}

/// A world written to disk and read back with Foundation's JSON, which shares nothing with the writer.
struct WrittenWorld {
    typealias Object = [String: Any]

    let options: SampleWorldOptions
    let summary: SampleWorldSummary
    let url: URL
    private let folder: TemporaryFolder

    init(_ options: SampleWorldOptions) throws {
        self.options = options
        self.folder = try TemporaryFolder()
        self.url = self.folder.url.appendingPathComponent("world")
        self.summary = try writeSampleWorld(options, to: self.url)
    }

    func bytes(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: self.url.appendingPathComponent(name)))
    }

    func json(_ name: String) throws -> Object {
        let value = try JSONSerialization.jsonObject(with: Data(contentsOf: self.url.appendingPathComponent(name)))
        return try #require(value as? Object)
    }

    /// Paths of all files, relative to the folder, sorted.
    func files() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: self.url.path).filter { $0.contains(".") }.sorted()
    }

    /// FNV-1a over the names and bytes of files; by default of all.
    func digest(of names: [String]? = nil) throws -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for name in try names ?? self.files() {
            for byte in try Array(name.utf8) + self.bytes(name) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        return hash
    }
}

/// One query of an NLQ file with the clip it belongs to.
struct WrittenQuery {
    let videoUID: String
    let clipUID: String
    let clipStart: Double
    let clipEnd: Double
    let fields: [String: Any]

    var text: String { self.fields["query"] as? String ?? "" }
    var noun: String { self.fields["slot_x"] as? String ?? "" }
    var verb: String { self.fields["verb_x"] as? String ?? "" }
    var pair: String { "\(self.verb) \(self.noun)" }
    func seconds(_ name: String) throws -> Double { try #require(self.fields[name] as? Double, "\(name)") }
}

/// One narration of `narration.json`.
struct WrittenNarration {
    let videoUID: String
    let pass: String
    let time: Double
    let text: String
}

extension WrittenWorld {
    func queries(_ name: String) throws -> [WrittenQuery] {
        var result: [WrittenQuery] = []
        for video in try #require(self.json(name)["videos"] as? [Object]) {
            for clip in try #require(video["clips"] as? [Object]) {
                for annotation in try #require(clip["annotations"] as? [Object]) {
                    for query in try #require(annotation["language_queries"] as? [Object]) {
                        result.append(
                            WrittenQuery(
                                videoUID: try #require(video["video_uid"] as? String),
                                clipUID: try #require(clip["clip_uid"] as? String),
                                clipStart: try #require(clip["video_start_sec"] as? Double),
                                clipEnd: try #require(clip["video_end_sec"] as? Double), fields: query))
                    }
                }
            }
        }
        return result
    }

    func narrations(pass wanted: String? = nil) throws -> [WrittenNarration] {
        var result: [WrittenNarration] = []
        for (uid, video) in try self.json("narration.json") {
            for (pass, value) in try #require(video as? Object) where pass != "status" {
                guard wanted == nil || wanted == pass else { continue }
                for line in try #require((value as? Object)?["narrations"] as? [Object]) {
                    result.append(
                        WrittenNarration(
                            videoUID: uid, pass: pass, time: try #require(line["timestamp_sec"] as? Double),
                            text: try #require(line["narration_text"] as? String)))
                }
            }
        }
        return result
    }
}

/// Finds the verb and the noun in a narration by looking for every form of every word: slow, and unlike the grammar.
struct NarrationReader {
    private let verbs = Lexicon.verbs.map { (third: " \($0.third) ", base: $0.base) }
    private let nouns = Lexicon.nouns.map { (words: " \($0.text) ", text: $0.text) }

    /// "verb noun", nil for narrations of nothing.
    func pair(in text: String) -> String? {
        let line = " " + text.split(whereSeparator: \.isWhitespace).joined(separator: " ") + " "
        let verb = self.verbs.filter { line.contains($0.third) }
        let noun = self.nouns.filter { line.contains($0.words) }
        guard verb.count == 1, noun.count == 1 else { return nil }
        return "\(verb[0].base) \(noun[0].text)"
    }
}
