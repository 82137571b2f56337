// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Shards
public import TaskRooms

extension TaskRoom {
    /// Moment queries: questions about moments of a video, written by a model or by rules, as samples for localization.
    public static var momentQueries: TaskRoom {
        TaskRoom(
            "MomentQueries",
            operators: { registerMomentQueries(in: &$0) }, schemas: [.nlq], exports: [NLQExportArguments.self],
            explainers: [MomentQueryExplainer.self], rejects: [.queries], trainings: [MomentTraining.self],
            projects: [.queries, .narrations])
    }
}
