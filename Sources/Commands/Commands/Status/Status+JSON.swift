// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records

extension Status {
    /// The state as one object.
    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.key("groups")
        json.beginArray()
        for group in self.groups { Self.write(group, to: &json) }
        json.endArray()
        json.key("waits")
        json.beginArray()
        for wait in self.waits { wait.write(to: &json) }
        json.endArray()
        Self.write("removals", self.removals, to: &json)
        Self.write("unreadable_figures", self.unknown, to: &json)
        json.key("shards")
        json.beginArray()
        for set in self.sets {
            json.beginObject()
            set.size.write(to: &json)
            json.key("last_commit")
            if let time = set.lastCommit { json.value(Int(time)) } else { json.null() }
            Self.write("open", set.open, to: &json)
            Self.write("left_over", set.leftOver, to: &json)
            Self.write("unreadable", set.unreadable, to: &json)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func write(_ name: String, _ texts: [String], to json: inout JSONWriter) {
        json.key(text: name)
        json.beginArray()
        for text in texts { json.value(text) }
        json.endArray()
    }

    private static func write(_ group: Group, to json: inout JSONWriter) {
        json.beginObject()
        json.field("group", group.name)
        json.field("records", group.ever.recordsIn)
        json.key("ever")
        json.beginObject()
        group.ever.write(to: &json)
        json.endObject()
        json.key("this_run")
        Self.write(group.thisRun, group.runs, to: &json)
        json.field("lag", group.lag)
        json.field("rate", group.rate)
        json.key("last_commit")
        if let time = group.lastCommit { json.value(Int(time)) } else { json.null() }
        json.key("counts")
        json.beginObject()
        for (reason, count) in group.counts.sorted(by: { $0.key < $1.key }) {
            json.key(text: reason)
            json.value(count)
        }
        json.endObject()
        OpenGroups(group.open)?.write(to: &json)
        CallsToCome(group.callsToCome)?.write(to: &json)
        json.key("members")
        json.beginArray()
        for member in group.members {
            json.beginObject()
            json.field("id", member.id)
            json.field("location", member.location)
            Self.write("partitions", member.partitions.map(\.description), to: &json)
            json.endObject()
        }
        json.endArray()
        json.key("tasks")
        json.beginArray()
        for task in group.tasks { Self.write(task, to: &json) }
        json.endArray()
        json.endObject()
    }

    private static func write(_ thisRun: Work?, _ runs: [Run], to json: inout JSONWriter) {
        guard let thisRun else { return json.null() }
        json.beginObject()
        thisRun.write(to: &json)
        json.key("processes")
        json.beginArray()
        for run in runs {
            json.beginObject()
            json.field("process", run.process)
            json.field("since", Int(run.since))
            run.work.write(to: &json)
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    private static func write(_ task: Task, to json: inout JSONWriter) {
        json.beginObject()
        json.field("partition", task.partition.description)
        json.key("member")
        if let member = task.member { json.value(member) } else { json.null() }
        json.key("committed")
        if let committed = task.committed { json.value(Int(committed)) } else { json.null() }
        json.field("records", task.ever.recordsIn)
        json.field("lag", task.lag)
        json.field("rate", task.rate)
        json.key("last_commit")
        if let time = task.lastCommit { json.value(Int(time)) } else { json.null() }
        json.endObject()
    }
}
