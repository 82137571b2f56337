// SPDX-License-Identifier: Apache-2.0

import Shards
import Topologies

/// Names of topologies and sets.
enum TopologyName {
    static func problem(_ name: String) -> String? {
        ShardName.isValid(name: name)
            ? Topology.problem(name: name)
            : "`\(name)` is not a name: letters, digits, `.`, `_` and `-`, not starting with a dot"
    }
}
