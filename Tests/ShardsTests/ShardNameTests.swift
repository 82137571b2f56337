// SPDX-License-Identifier: Apache-2.0

import Shards
import Testing

@Suite("ShardName") struct ShardNameTests {
    @Test func `a name reads back, dashes and all`() {
        for name in ["nlq", "nlq.r1", "a-b-0001-00000002-000003", "x_y"] {
            let shard = ShardName(name: name, partition: 3, sequence: 12, epoch: 7)
            #expect(shard.file == "\(name)-0003-00000012-000007.jsonl.zst")
            #expect(ShardName(file: shard.file) == shard)
            #expect(ShardName(temporaryFile: shard.temporaryFile) == shard)
            #expect(ShardName(file: shard.temporaryFile) == nil)
        }
    }

    @Test func `names sort as they were written, and grow where numbers outgrow their width`() {
        let names = [0, 1, 9, 10, 99_999_999].map { ShardName(name: "n", partition: 0, sequence: $0, epoch: 1).file }
        #expect(names == names.sorted())
        let wide = ShardName(name: "n", partition: 12345, sequence: 123_456_789, epoch: 9_999_999)
        #expect(wide.file == "n-12345-123456789-9999999.jsonl.zst")
        #expect(ShardName(file: wide.file) == wide)
    }

    @Test(arguments: [
        "", "nlq", "nlq-0000-00000000-000001.jsonl", "nlq-0-0-1.jsonl.zst", "nlq-0000-00000000-00000x.jsonl.zst",
        "-0000-00000000-000001.jsonl.zst", "../x-0000-00000000-000001.jsonl.zst", "a/b-0000-00000000-000001.jsonl.zst",
        "nlq-0000-00000000.jsonl.zst", "nlq-0000-00000000--00001.jsonl.zst", "nlq-00000-00000000-000001.jsonl.zst",
        "nlq-0000-00000000-99999999999999999999.jsonl.zst", ".nlq-0000-00000000-000001.jsonl.zst",
    ])
    func `what is no shard's name is none`(file: String) {
        #expect(ShardName(file: file) == nil)
        #expect(ShardName(temporaryFile: file) == nil)
    }
}
