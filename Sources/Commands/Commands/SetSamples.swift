// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dialogues
import MomentQueries
import RecordLog
import Records
import Shards

/// The samples of a set of queries, for a command that looks at all of them.
struct SetSamples {
    /// The end of the reading.
    enum End {
        /// All queries were read; their number.
        case queries(Int)
        /// The set is one of dialogues: its first line, and the reader of the others.
        case dialogues(Bytes, TailingReader)
    }

    let name: String
    let home: Home
    /// The home's log, open until all has been read.
    let log: any RecordLog

    /// Reads the set to its end.
    func read(_ body: (Sample) -> Void) throws -> End {
        let manifest = try ShardSets.manifest(self.name, in: self.log)
        let reader = try TailingReader(
            name: self.name, log: self.log, storage: FileShardStorage(folder: self.home.shardFolder(self.name)))
        let progress = ProgressReporter()
        var count = 0
        while let line = try reader.next() {
            if count == 0, DialogueProfile.isDialogue(line) { return .dialogues(line, reader) }
            do throws(JSONError) {
                body(try JSONScanner.scan(line) { json throws(JSONError) in try Sample(json: &json) })
            } catch {
                throw CommandFailure(
                    .failed, "sample \(count) of `\(self.name)` is no query with a window: \(error.description)")
            }
            count += 1
            progress.show { _ in
                "profile: \(ProgressReporter.grouped(count)) of \(ProgressReporter.grouped(manifest.samples)) samples"
            }
        }
        progress.finish()
        return .queries(count)
    }
}
