// SPDX-License-Identifier: Apache-2.0

import Shards
import Testing

@Suite("Sweep") struct SweepTests {
    private func file(_ partition: Int, _ epoch: Int64, of name: String = "nlq") -> String {
        ShardName(name: name, partition: partition, sequence: 4, epoch: epoch).file
    }

    @Test func `of every kind of file only a former owner's unlisted ones go`() {
        for name in ["nlq", "nlq.r1", "nlq-0001", "naq"] {
            for partition in [0, 1, 2, 11] {
                for epoch: Int64 in [0, 4, 5, 6, 100] {
                    for isTemporary in [false, true] {
                        for isListed in [false, true] {
                            let shard = ShardName(name: name, partition: partition, sequence: 4, epoch: epoch)
                            let file = isTemporary ? shard.temporaryFile : shard.file
                            let removable = Sweep.removable(
                                of: [file], name: "nlq", partition: 1, epoch: 5, listed: isListed ? [file] : ["other"])
                            let mayGo = name == "nlq" && partition == 1 && epoch < 5 && !isListed
                            #expect(removable == (mayGo ? [file] : []), "\(file) listed: \(isListed)")
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [
        "README", ".open-x", "nlq-0001-00000004-000001.jsonl", "nlq-0001-00000004-000001.jsonl.zst.bak",
        "nlq-1-4-1.jsonl.zst", ".nlq-0001-00000004-000001.jsonl.zst", "", "-0001-00000004-000001.jsonl.zst",
    ])
    func `what is not named like a shard stays`(file: String) {
        #expect(Sweep.removable(of: [file], name: "nlq", partition: 1, epoch: 5, listed: []) == [])
    }

    @Test func `the shell removes exactly these`() throws {
        let storage = SimulatedShardStorage()
        let kept = [self.file(1, 5), self.file(1, 6), self.file(0, 1), self.file(1, 1, of: "naq"), "notes.txt"]
        let listed = self.file(1, 2)
        let temporary = ShardName(name: "nlq", partition: 1, sequence: 9, epoch: 3).temporaryFile
        for file in kept + [listed, self.file(1, 3), temporary] { storage.place([1], as: file) }
        let removed = try Sweep.run(storage, name: "nlq", partition: 1, epoch: 5, listed: [listed])
        #expect(removed == [temporary, self.file(1, 3)])
        #expect(try storage.list() == (kept + [listed]).sorted())
    }
}
