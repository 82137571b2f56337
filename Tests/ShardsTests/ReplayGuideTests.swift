// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Shards
import Testing

@Suite("ReplayGuide") struct ReplayGuideTests {
    private func entry(_ samples: Int, last index: Int, video: String = "v") -> ManifestEntry {
        ManifestEntry(
            file: "nlq-0000-00000000-000001.jsonl.zst", partition: 0, sequence: 0, epoch: 1, bytes: 1,
            uncompressedBytes: 1, samples: samples, frames: 1, sha256: "", last: self.identity(index, video: video),
            reason: .seconds, topologyHash: "", zstdVersion: "", level: 3, firstOffset: 0, lastOffset: 0)
    }

    private func identity(_ index: Int, video: String = "v") -> LineIdentity {
        .narration(video, pass: 1, index: index)
    }

    private func isDivergence(_ decision: ReplayGuide.Decision) -> Bool {
        if case .part(.diverged) = decision { true } else { false }
    }

    @Test func `it closes where the original was closed, shard after shard`() {
        var guide = ReplayGuide(original: [self.entry(3, last: 2), self.entry(2, last: 4)])
        #expect(guide.decide(samples: 0, last: self.identity(0)) == .keep)
        #expect(guide.decide(samples: 1, last: self.identity(0)) == .keep)
        #expect(guide.decide(samples: 3, last: self.identity(2)) == .rotate)
        guide.advance(samples: 3, last: self.identity(2))
        #expect(guide.remaining == 1)
        #expect(guide.decide(samples: 1, last: self.identity(3)) == .keep)
        #expect(guide.decide(samples: 2, last: self.identity(4)) == .rotate)
        guide.advance(samples: 2, last: self.identity(4))
        #expect(guide.decide(samples: 0, last: self.identity(4)) == .keep)
        #expect(guide.parting == nil)
        #expect(guide.remaining == 0)
    }

    @Test func `it asks for the last sample only at the original's number`() {
        var guide = ReplayGuide(original: [self.entry(3, last: 2)])
        var asked = 0
        func last() -> LineIdentity {
            asked += 1
            return self.identity(2)
        }
        for samples in 0...3 { _ = guide.decide(samples: samples, last: last()) }
        #expect(asked == 1)
    }

    @Test(arguments: [(3, 7, "v"), (3, 2, "w"), (4, 2, "v"), (9, 2, "v")])
    func `it gives up where the content differs, and for good`(samples: Int, index: Int, video: String) {
        var guide = ReplayGuide(original: [self.entry(3, last: 2), self.entry(5, last: 9)])
        #expect(self.isDivergence(guide.decide(samples: samples, last: self.identity(index, video: video))))
        guide.advance(samples: samples, last: self.identity(index, video: video))
        #expect(self.isDivergence(guide.decide(samples: 1, last: self.identity(0))))
        #expect(self.isDivergence(guide.decide(samples: 5, last: self.identity(9))))
    }

    @Test func `past the last shard it is beyond the original`() {
        var empty = ReplayGuide(original: [])
        #expect(empty.decide(samples: 0, last: self.identity(0)) == .keep)
        #expect(empty.decide(samples: 1, last: self.identity(0)) == .part(.beyond(shards: 0)))

        var guide = ReplayGuide(original: [self.entry(3, last: 2)])
        #expect(guide.decide(samples: 3, last: self.identity(2)) == .rotate)
        guide.advance(samples: 3, last: self.identity(2))
        #expect(guide.decide(samples: 1, last: self.identity(3)) == .part(.beyond(shards: 1)))
        #expect(guide.parting == .beyond(shards: 1))
    }

    @Test func `it gives up where a shard was closed early`() {
        var early = ReplayGuide(original: [self.entry(3, last: 2)])
        early.advance(samples: 2, last: self.identity(1))
        #expect(early.parting?.description.contains("came to 2") == true)
    }

    @Test func `an original of which nothing is known is followed by number, another schema's is not`() {
        var original = self.entry(2, last: 0)
        original.last = .narration(nil, pass: nil, index: nil)
        let content = LineIdentity(["last_line_sha256": .text("ab")])
        for last in [original.last, content, self.identity(0)] {
            var guide = ReplayGuide(original: [original])
            #expect(guide.decide(samples: 2, last: last) == .rotate)
        }
        var guide = ReplayGuide(original: [self.entry(2, last: 0)])
        #expect(self.isDivergence(guide.decide(samples: 2, last: content)))
    }

    @Test func `it goes on after what was published before`() {
        let original = [self.entry(3, last: 2), self.entry(2, last: 4), self.entry(4, last: 8)]
        var guide = ReplayGuide(original: original, published: [self.entry(3, last: 2), self.entry(2, last: 4)])
        #expect(guide.decide(samples: 3, last: self.identity(7)) == .keep)
        #expect(guide.decide(samples: 4, last: self.identity(8)) == .rotate)

        let diverged = ReplayGuide(original: original, published: [self.entry(3, last: 2), self.entry(3, last: 5)])
        #expect(diverged.parting?.description.contains("holds 2 samples") == true)
    }
}
