// SPDX-License-Identifier: Apache-2.0

import Records
import Testing

/// Names that the program keeps for itself.
@Suite struct ReservedTopicsTests {
    @Test("what the program keeps is refused to others, and nothing else is")
    func topics() {
        for name in [
            ReservedTopics.manifest(of: "nlq"), ReservedTopics.replay(into: "nlq.r1"), ReservedTopics.owners,
            ReservedTopics.removals,
            ReservedTopics.deadLetters(of: "nlq"), ReservedTopics.statePrefix + "nlq.land.0", "__consumer_offsets",
            "shards.", "shards.nlq.dead-letters", ReservedTopics.retries(of: "nlq", stage: "generate"),
            ReservedTopics.processes,
        ] { #expect(ReservedTopics.problem(writing: name)?.contains("`\(name)` is kept for") == true, "\(name)") }
        for name in [
            "narrations", "shards", "shardsx", "my.shards.nlq", "dead-letters", "nlq.dead-letters.x", "replay",
            "replays.x",
            "millrace", "millrace-owners.x", "millrace-narrations", "_x", "queries.rejected",
        ] { #expect(ReservedTopics.problem(writing: name) == nil, "\(name)") }
    }

    @Test("a name behind which reserved topics would lie is refused")
    func prefixes() {
        for name in ["shards", "shards.nlq", "replay", "replay.x", "millrace-state", "__x"] {
            #expect(ReservedTopics.problem(naming: name) != nil, "\(name)")
        }
        for name in ["nlq", "nlq.r1", "shardsx", "my.shards", "x.dead-letters", "millrace"] {
            #expect(ReservedTopics.problem(naming: name) == nil, "\(name)")
        }
    }

    @Test("topics of dead letters and of retries tell whose they are")
    func letters() {
        #expect(ReservedTopics.name(ofDeadLetters: ReservedTopics.deadLetters(of: "nlq.r1")) == "nlq.r1")
        #expect(ReservedTopics.group(ofRetries: ReservedTopics.retries(of: "nlq.r1", stage: "land")) == "nlq.r1.land")
        for topic in ["nlq", "dead-letters", ".dead-letters", "retries", ".retries", "nlq.retriesx"] {
            #expect(ReservedTopics.name(ofDeadLetters: topic) == nil, "\(topic)")
            #expect(ReservedTopics.group(ofRetries: topic) == nil, "\(topic)")
        }
    }

    @Test("a manifest's topic tells its set")
    func sets() {
        #expect(ReservedTopics.set(ofManifest: ReservedTopics.manifest(of: "nlq.r1")) == "nlq.r1")
        for topic in ["nlq", "shards", "shards.", "my.shards.nlq"] {
            #expect(ReservedTopics.set(ofManifest: topic) == nil, "\(topic)")
        }
        #expect(ReservedTopics.set(ofReplay: ReservedTopics.replay(into: "nlq.r1")) == "nlq.r1")
        #expect(ReservedTopics.set(ofReplay: "replay.") == nil && ReservedTopics.set(ofReplay: "shards.nlq") == nil)
    }
}
