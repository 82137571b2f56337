// SPDX-License-Identifier: Apache-2.0

import MillraceKit
import MillraceTesting
import Testing

@testable import millrace_notes

/// A sample of notes, faults in them, and what must come of those.
struct NotesTrial: AdapterTrial {
    let files = [
        "notes.tsv": Bytes("a\t1.5\tI take a cup\na\t4\tI fill it\nb\t2\tI open the door\nc\t7\tI leave\n".utf8)
    ]
    let main = "notes.tsv"
    let cuts = AdapterCuts.none
    let faults = [
        AdapterFault(
            "4\tI", with: "soon\tI", is: .problem("not-a-number"), saying: ["seconds", "soon"], touching: ["a/1"]),
        AdapterFault("b\t2\t", with: "b ", is: .problem("wrong-field-count"), saying: ["line 3"], touching: ["b/1"]),
        AdapterFault("1.5", with: "-1.5", is: .problem("negative-time"), saying: ["-1.5"], touching: ["a/1"]),
    ]

    func makeAdapter(in folder: String) throws -> NotesAdapter {
        var configuration = Configuration()
        configuration.set(NotesAdapter.file, folder + "/notes.tsv")
        return try NotesAdapter(configuration)
    }
}

@Suite struct NotesTests {
    @Test(arguments: AdapterCase.all)
    func keeps(_ promise: AdapterCase) throws {
        if let reason = try promise.run(on: NotesTrial()).skipReason { try Test.cancel("\(reason)") }
    }

    @Test(arguments: OperatorCase.all)
    func keeps(_ promise: OperatorCase) async throws {
        var configuration = Configuration()
        configuration.set(Terse.words, 3)
        let trial = OperatorTrial(
            Terse.self, configuration,
            input: [
                ("a", .video(Video(videoUID: "a", source: "notes"))),
                ("a", .narration(Narration(videoUID: "a", index: 0, timestampSec: 1.5, text: "I take a cup"))),
                ("a", .narration(Narration(videoUID: "a", index: 1, timestampSec: 4, text: "I fill it"))),
                ("a", .end(EndOfVideo(videoUID: "a", narrations: 2))),
            ])
        if let reason = try await promise.run(on: trial).skipReason { try Test.cancel("\(reason)") }
    }
}
