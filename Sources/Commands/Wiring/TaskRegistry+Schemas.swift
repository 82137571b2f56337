// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Shards
import TaskRooms
import Topologies

extension TaskRegistry {
    /// The schemas of the sets that a topology writes, by the sets' names; lines of other types are known by their
    /// content.
    func schemas(of topology: Topology) -> [String: LineSchema] {
        var schemas: [String: LineSchema] = [:]
        for stage in topology.stages {
            guard case .shards(let set) = stage.destination else { continue }
            schemas[set.name] = self.schemas.first { $0.streamType == stage.outputType.name }
        }
        return schemas
    }
}
