// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import Telemetry

extension Status {
    /// Records of a stage that were committed.
    struct Work: Hashable {
        var recordsIn = 0
        var recordsOut = 0
        var rejected = 0
        var deadLetters = 0

        static func + (left: Work, right: Work) -> Work {
            Work(
                recordsIn: left.recordsIn + right.recordsIn, recordsOut: left.recordsOut + right.recordsOut,
                rejected: left.rejected + right.rejected, deadLetters: left.deadLetters + right.deadLetters)
        }

        /// The cells of a table.
        var cells: [String] {
            [self.recordsIn, self.recordsOut, self.rejected, self.deadLetters].map(ProgressReporter.grouped)
        }

        func write(to json: inout JSONWriter) {
            json.field("in", self.recordsIn)
            json.field("out", self.recordsOut)
            json.field("rejected", self.rejected)
            json.field("dead_letters", self.deadLetters)
        }
    }

    /// A process that lives, and what it has committed of a stage since it started.
    struct Run {
        /// `host:17`.
        var process: String
        var since: Timestamp
        var work: Work
    }

    /// The processes that live, by the group of the stage that they run.
    static func runs(_ figures: [ProcessFigures]) -> [String: [Run]] {
        var runs: [String: [Run]] = [:]
        for process in figures {
            guard let graph = process.graph else { continue }
            for stage in process.stages {
                let work = Work(
                    recordsIn: stage.recordsIn, recordsOut: stage.recordsOut,
                    rejected: stage.rejects.values.reduce(0, +), deadLetters: stage.deadLetters.values.reduce(0, +))
                runs["\(graph.name).\(stage.name)", default: []].append(
                    Run(process: process.identity.label, since: process.identity.start, work: work))
            }
        }
        return runs
    }
}
