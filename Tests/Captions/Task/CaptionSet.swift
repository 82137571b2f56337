// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import DurableFiles
import Records
import Shards
import TaskRooms

extension ShardSet {
    /// The captions of the set by album, in the order of the albums' names and of their photos.
    func albums() throws -> [[Caption]] {
        var captions: [Caption] = []
        for file in self.files {
            var lines = try ShardReader(file, in: self.storage).samples()
            while let line = try lines.next() {
                guard let caption = Caption(line: line) else {
                    throw TaskFailure(
                        .failed, "\(file) holds a line that is no caption; is `\(self.name)` the right set?")
                }
                captions.append(caption)
            }
        }
        return Dictionary(grouping: captions, by: \.album).sorted { $0.key < $1.key }
            .map { $0.value.sorted { $0.number < $1.number } }
    }
}

/// The command line of `millrace export captions`: a line a photo, its name and its caption with a tab between them.
struct CaptionExport: SampleExport {
    static let name = "captions"
    static let abstract = "Write captions as a table: the photo, and what it shows."
    static let discussion = ""

    @Option(help: "Leave out what is less lively than this, 0 to 9.")
    var liveliness = 0

    func write(_ set: ShardSet, to output: String) throws -> [String] {
        let captions = try set.albums().joined().filter { $0.liveliness >= self.liveliness }
        let text = captions.map { "\($0.id)\t\($0.text)\n" }.joined()
        do throws(FileFailure) {
            try OutputFile.write(Bytes(text.utf8), to: output)
        } catch {
            throw TaskFailure(.failed, error.message)
        }
        return ["\(output): \(captions.count) captions"]
    }
}

/// Says which photo a caption is about.
struct CaptionExplainer: SampleExplainer {
    private let found: FoundSample
    private let caption: Caption

    init?(_ found: FoundSample) {
        guard let caption = Caption(line: found.line) else { return nil }
        self.found = found
        self.caption = caption
    }

    func explanation(in surroundings: ExplanationSurroundings) -> Explanation {
        Explanation(
            headline: "A caption of photo \(self.caption.number) of the album \(self.caption.album).",
            parts: [
                self.found.part([
                    ("caption", self.caption.text), ("liveliness", "\(self.caption.liveliness) of 9"),
                    ("image", "SHA-256 \(self.caption.sha256)"),
                ])
            ])
    }
}
