// SPDX-License-Identifier: Apache-2.0

import MillraceKit

/// Notes taken by hand: video, seconds and text with tabs between, the lines of a video next to each other.
struct NotesAdapter: ConfigurableAdapter {
    static let file = Field(
        "file", required: "notes.tsv", help: "The notes: video, seconds and text a line, with tabs.")
    static let specification = SourceSpecification(
        name: "notes", summary: "Notes taken by hand, one a line.", fields: [Self.file],
        examples: ["millrace-notes ingest notes --file notes.tsv"])
    private let lines: NarrationLines

    init(_ configuration: Configuration) throws {
        self.lines = try NarrationLines(path: configuration[Self.file], source: Self.name)
    }

    func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        try self.lines.read(progress: progress, body) { line throws(SourceFault) in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard parts.count == 3 else {
                throw SourceFault("wrong-field-count", "expected video, seconds and text, found \(parts.count) fields")
            }
            guard let seconds = Double(parts[1]) else {
                throw SourceFault("not-a-number", "`seconds` is \"\(parts[1].prefix(64))\": give the time in seconds")
            }
            return .init(video: String(parts[0]), seconds: seconds, text: String(parts[2]))
        }
    }
}
