// SPDX-License-Identifier: Apache-2.0

import Dataflow
import MomentQueries
import Shards
import Topologies

/// The known schemas of lines of shards: those that tasks have for their samples.
enum LineSchemas {
    private static let registered: [LineSchema] = [.nlq]

    /// The schemas of the sets that a topology writes, by the sets' names; lines of other types are known by their content.
    static func schemas(of topology: Topology) -> [String: LineSchema] {
        var schemas: [String: LineSchema] = [:]
        for stage in topology.stages {
            guard case .shards(let set) = stage.destination else { continue }
            schemas[set.name] = self.registered.first { $0.streamType == stage.outputType.name }
        }
        return schemas
    }
}
