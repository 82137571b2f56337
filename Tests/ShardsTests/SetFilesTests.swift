// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Shards

/// The files of a set, and which of them are being written by somebody who lives.
@Suite struct SetFilesTests {
    @Test("What is the set's goes, the lists first; what is another's or nobody's stays")
    func own() {
        let own = [
            ".open-3-manifest-0.jsonl", "manifest-0.jsonl", "manifest-11.jsonl",
            ".open-nlq-0000-00000002-000003.jsonl.zst",
            "nlq-0000-00000000-000001.jsonl.zst", "nlq-0001-00000000-000001.jsonl.zst",
        ]
        let others = [
            "other-0000-00000000-000001.jsonl.zst", "nlq.r1-0000-00000000-000001.jsonl.zst", "notes.txt",
            "manifest.jsonl",
            "manifest-01.jsonl", "manifest--1.jsonl", "manifest-x.jsonl", "nlq-0-0-1.jsonl.zst", ".open-x", "", ".",
        ]
        #expect(SetFiles.own((own + others).reversed(), name: "nlq") == own)
        #expect(SetFiles.own(own, name: "nl") == Array(own.prefix(3)))
    }

    @Test("Of a partition that has a task the file of the latest epoch is open, all others are left over")
    func open() {
        func file(_ partition: Int, _ epoch: Int64) -> String {
            ShardName(name: "nlq", partition: partition, sequence: 4, epoch: epoch).temporaryFile
        }
        let files = [file(0, 1), file(0, 3), file(1, 2), "nlq-0000-00000000-000001.jsonl.zst", "manifest-0.jsonl"]
        let (open, left) = SetFiles.open(files, name: "nlq", owned: [0])
        #expect(open == [file(0, 3)])
        #expect(left == [file(0, 1), file(1, 2)])
        #expect(SetFiles.open(files, name: "nlq", owned: []).open.isEmpty)
        #expect(SetFiles.open(files, name: "other", owned: [0]).leftOver.isEmpty)
    }
}
