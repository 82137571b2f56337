// SPDX-License-Identifier: Apache-2.0

import EmbeddedLog
import RecordLog
import Records
import Testing

/// Videos whose end does not come: users see what is open, and nothing is made of it.
@Suite("Open videos")
struct OpenVideosTests {
    private static let video = """
        {"kind":"video","video_uid":"v","pass":1,"source":"ego4d","splits":[],"features":true,\
        "clips":[{"clip_uid":"c","start_sec":0,"end_sec":100}]}
        """
    private static let narrations = [10, 20, 30].enumerated().map { index, time in
        """
        {"kind":"narration","video_uid":"v","pass":1,"index":\(index),"timestamp_sec":\(time),"text":"#C C reads \(index)"}
        """
    }
    private static let end = #"{"kind":"end","video_uid":"v","pass":1,"narrations":3}"#

    private func append(_ values: [String], in bench: Workbench) throws {
        let log = try EmbeddedLog(path: bench.home + "/log.db")
        defer { log.close() }
        let records = values.map { Record(key: "v", value: $0, headers: [Header("schema", "narration/1")]) }
        var transaction = Transaction()
        transaction.outputs = [.init(topic: "narrations", partition: 0, records: RecordBatch(records))]
        try log.makeWriter(id: "a-stranger").commit(transaction)
    }

    @Test("A run and status say what is open; the end closes it in a later run, and a second one is counted")
    func open() throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology("naq")).lacks("open, their end has not come")
        let before = try bench.samples("naq").count
        try self.append([Self.video] + Self.narrations, in: bench)
        let words = "open, their end has not come: filter 1, window 1"
        for _ in 0..<2 { try bench.run(Workbench.topology("naq")).prints("land, \(words)") }
        try bench.succeed("status").prints("naq.land, \(words)")
        let status = try JSONTree(bench.succeed("status", "--json").outputText)
        #expect(status["groups"].array.first?["open"]["window"].int == 1)
        #expect(try bench.samples("naq").count == before)

        try self.append([Self.end, Self.end], in: bench)
        let result = try bench.run(Workbench.topology("naq"))
        result.lacks(words)
        result.prints("filter.end-without-video: 1")
        #expect(try bench.samples("naq").count == before + 3)
        #expect(try JSONTree(bench.succeed("status", "--json").outputText)["groups"].array.first?["open"].keys == [])
    }
}

extension ProcessResult {
    /// Expects words not to be in the results.
    fileprivate func lacks(_ words: String, at place: SourceLocation = #_sourceLocation) {
        #expect(!self.outputText.contains(words), "`\(words)` is in:\n\(self.outputText)", sourceLocation: place)
    }
}
