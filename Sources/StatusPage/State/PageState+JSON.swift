// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

extension PageState {
    /// The most characters of a text that somebody else has written.
    private static let textMax = 2_000

    /// The state as the page reads it.
    var json: Bytes {
        var json = JSONWriter()
        self.write(to: &json)
        return json.bytes
    }

    private func write(to json: inout JSONWriter) {
        json.object { json in
            json.key("place")
            json.object { json in
                json.field("home", self.place.home)
                json.optional("log", self.place.log)
            }
            json.list("processes", self.processes) { $0.write(to: &$1) }
            json.list("topologies", self.topologies) { $0.write(to: &$1) }
            json.list("sets", self.sets) { $0.write(to: &$1) }
            json.list("trainers", self.trainers) { $0.write(to: &$1) }
            json.list("dead_letters", self.letters) { $0.write(to: &$1) }
            json.list("rejects", self.rejects) { rejects, json in
                json.field("topic", rejects.topic)
                json.field("records", rejects.records)
            }
            json.list("waits", self.waits) { wait, json in
                json.field("who", wait.who)
                json.field("what", wait.what.cut(to: Self.textMax))
                json.field("since", Int(wait.since))
                json.field("message", wait.message.cut(to: Self.textMax))
            }
            json.list("models", self.models) { $0.write(to: &$1) }
            json.texts("problems", self.problems.map { $0.cut(to: Self.textMax) })
        }
    }
}

extension PageState.Process {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.field("does", self.does)
        json.texts("partitions", self.partitions)
        json.optional("since", self.since)
    }
}

extension PageState.Topology {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.optional("letters", self.letters)
        json.list("stages", self.stages) { $0.write(to: &$1) }
    }
}

extension PageState.Stage {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.field("group", self.group)
        json.texts("from", self.from)
        json.key("output")
        switch self.output {
        case .topic(let name)?: Self.write("topic", name, to: &json)
        case .shards(let name)?: Self.write("shards", name, to: &json)
        case nil: json.null()
        }
        json.optional("rejects", self.rejects)
        json.field("members", self.members)
        json.field("in", self.recordsIn)
        json.field("out", self.recordsOut)
        json.field("rejected", self.rejected)
        json.field("dead", self.dead)
        json.optional("rate_in", self.rates?.recordsIn)
        json.optional("rate_out", self.rates?.recordsOut)
        json.optional("rate_rejected", self.rates?.rejected)
        json.field("lag", self.lag)
        json.optional("lag_seconds", self.lagSeconds)
        json.optional("last_commit", self.lastCommit)
        json.counts("counts", self.counts)
        json.counts("open", self.open)
        json.numbers("calls", [Double(self.callsToCome.lowerBound), Double(self.callsToCome.upperBound)])
        json.numbers("history", self.history)
    }

    private static func write(_ kind: String, _ name: String, to json: inout JSONWriter) {
        json.object { json in
            json.field("kind", kind)
            json.field("name", name)
        }
    }
}

extension PageState.ShardSet {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.optional("owner", self.owner)
        json.field("samples", self.samples)
        json.field("shards", self.shards)
        json.field("bytes", self.bytes)
        json.field("uncompressed", self.uncompressed)
        json.optional("last_commit", self.lastCommit)
        json.counts("rotation", self.rotation)
        json.list("open", self.open) { open, json in
            json.field("partition", open.partition)
            json.field("process", open.process)
            json.field("since", Int(open.since))
            json.optional("deadline", open.deadline)
        }
        json.list("newest", self.newest) { shard, json in
            json.field("file", shard.file)
            json.field("samples", shard.samples)
            json.field("bytes", shard.bytes)
            json.field("reason", shard.reason)
            json.field("time", Int(shard.time))
        }
        json.texts("unreadable", self.unreadable)
    }
}

extension PageState.Trainer {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.field("process", self.process)
        json.field("time", Int(self.time))
        json.optional("waits", self.waits)
        json.list("values", self.values) { curve, json in
            json.field("name", curve.name)
            json.field("value", curve.value)
            json.numbers("history", curve.history)
        }
    }
}

extension PageState.Model {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("server", self.server)
        json.field("process", self.process)
        json.field("calls", self.calls)
        json.field("cache_hits", self.cacheHits)
        json.field("failures", self.failures)
        json.field("tokens", self.tokens)
        json.optional("cost", self.cost)
        json.field("in_flight", self.inFlight)
        json.field("in_flight_max", self.inFlightMax)
        json.field("waiting", self.waiting)
        json.field("breaker", self.breaker)
    }
}

extension PageState.Letters {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("topic", self.topic)
        json.field("name", self.name)
        json.field("records", self.records)
        json.field("partial", self.isPartial)
        json.list("reasons", self.reasons) { reason, json in
            json.field("name", reason.name)
            json.field("stage", reason.stage)
            json.field("step", reason.step)
            json.field("count", reason.count)
            json.field("open", reason.open)
            json.field("newest", Int(reason.newest))
            json.field("example", reason.example.cut(to: 1_000))
            json.optional("command", reason.command)
            json.optional("remedy", reason.remedy)
        }
    }
}
