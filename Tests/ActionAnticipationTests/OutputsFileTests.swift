// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import Fuzzing
import Records
import TaskRooms
import Testing

@testable import ActionAnticipation

@Suite struct OutputsFileTests {
    private static let taxonomy = TaxonomySummary(digest: "d", verbs: 3, nouns: 4)

    private static func read(_ text: String) throws -> OutputsFile {
        try OutputsFile(Bytes(text.utf8), path: "o.json", steps: 2, taxonomy: Self.taxonomy)
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        var file = OutputsFile()
        let candidates = [
            [Action(verb: 0, noun: 3), Action(verb: 2, noun: 1)], [Action(verb: 1, noun: 0), Action(verb: 1, noun: 1)],
        ]
        try file.add("a_1", candidates)
        #expect(
            String(decoding: file.bytes, as: UTF8.self)
                == #"{"a_1":{"verb":[[0,2],[1,1]],"noun":[[3,1],[0,1]]}}"# + "\n")
        #expect(try OutputsFile(file.bytes, path: "o", steps: 2, taxonomy: Self.taxonomy) == file)
        #expect(throws: TaskFailure.self) { try file.add("a_1", candidates) }
    }

    @Test func missingAndForeignKeysAreTold() throws {
        let file = try Self.read(#"{"a_1":{"verb":[[0,1]],"noun":[[0,1]]},"z_9":{"verb":[[0,1]],"noun":[[0,1]]}}"#)
        #expect(file.problem(for: ["a_1", "z_9"]) == nil)
        let problem = file.problem(for: ["a_1", "b_2"])
        #expect(problem?.contains("lacks b_2") == true && problem?.contains("z_9") == true)
    }

    @Test(
        arguments: [
            (#"{"a":{"verb":[[0,1]]}}"#, "lacks `noun`"), (#"{"a":{"verb":[[0,1]],"noun":[]}}"#, "1 candidates"),
            (#"{"a":{"verb":[[0]],"noun":[[0,1]]}}"#, "has 1 steps"),
            (#"{"a":{"verb":[[0,1,2]],"noun":[[0,1]]}}"#, "more than 2 steps"),
            (#"{"a":{"verb":[[0,3]],"noun":[[0,1]]}}"#, "3 is no place"),
            (#"{"a":{"verb":[[0,-1]],"noun":[[0,1]]}}"#, "-1 is no place"),
            (#"{"a":{"verb":[],"noun":[]}}"#, "0 candidates"), (#"[1]"#, "o.json"), ("", "o.json"),
            (#"{"a":{"verb":[[0,1]],"noun":[[0,1]]},"a":{"verb":[[0,1]],"noun":[[0,1]]}}"#, "twice"),
        ])
    func aFileThatIsNoneIsRefused(_ text: String, _ words: String) throws {
        let failure = #expect(throws: TaskFailure.self) { try Self.read(text) }
        #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "")")
    }

    @Test func hostileFilesDoNotTrap() throws {
        let seed = #"{"a_1":{"verb":[[0,2],[1,1]],"noun":[[3,1],[0,1]]},"b_2":{"noun":[[0,0]],"verb":[[1,1]]}}"#
        for input in Fuzz("outputs", seeds: [seed], tokens: .json) {
            let file = try? OutputsFile(input.bytes, path: "o", steps: 2, taxonomy: Self.taxonomy)
            if input.isSeed { try #require(file?.keys == ["a_1", "b_2"], "\(input)") }
            for candidates in file?.candidates.values.map(\.self) ?? [] {
                try #require(candidates.allSatisfy { $0.count == 2 }, "\(input)")
            }
        }
    }
}
