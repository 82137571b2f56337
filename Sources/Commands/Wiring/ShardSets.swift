// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Shards

/// The shard sets that a log knows.
enum ShardSets {
    static func names(in log: any RecordLog) throws -> [String] {
        try log.topics().compactMap { ReservedTopics.set(ofManifest: $0.name) }
    }

    /// The whole manifest of a set, for those who decide about its samples.
    static func manifest(_ name: String, in log: any RecordLog) throws -> Manifest {
        try self.checkExists(name, in: log)
        return try Manifest(reading: name, from: log)
    }

    /// The part of a set's manifest that can be read, and what cannot, for those who show what there is.
    static func readable(_ name: String, in log: any RecordLog) throws -> (manifest: Manifest, unreadable: [String]) {
        try self.checkExists(name, in: log)
        var unreadable: [String] = []
        let manifest = try Manifest(reading: name, from: log) { unreadable.append($0.message) }
        return (manifest, unreadable)
    }

    /// All sets as they are, for those who show what there is: one that is removed meanwhile is left out.
    static func all(in log: any RecordLog) throws -> [(manifest: Manifest, unreadable: [String])] {
        try self.names(in: log).compactMap { name in
            do throws(ShardError) {
                var unreadable: [String] = []
                let manifest = try Manifest(reading: name, from: log) { unreadable.append($0.message) }
                return (manifest, unreadable)
            } catch {
                if error.code == .missing { return nil }
                throw error
            }
        }
    }

    private static func checkExists(_ name: String, in log: any RecordLog) throws {
        let names = try self.names(in: log)
        guard names.contains(name) else {
            let there = names.isEmpty ? "there are none" : "there are: " + names.joined(separator: ", ")
            throw CommandFailure(.usage, "there is no shard set `\(name)`; \(there)")
        }
    }
}
