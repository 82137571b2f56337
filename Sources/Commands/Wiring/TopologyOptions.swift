// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Topologies

/// Options of every command that reads a topology.
struct TopologyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A value in place of the file's, such as stages.land.to.rotate.seconds=5; a list's element by its number from "
                + "0, or a step by its name. Repeatable.", valueName: "path=value"))
    var set: [String] = []

    /// The values, in the order in which they are given.
    var overrides: [TopologyOverride] { self.set.compactMap(TopologyOverride.init(parsing:)) }

    func validate() throws {
        for text in self.set where TopologyOverride(parsing: text) == nil {
            throw ValidationError("--set wants path=value, such as stages.land.to.level=9, and not `\(text)`.")
        }
    }

    /// Loads a topology and says its warnings.
    /// - Parameters:
    ///   - path: the file, or `-` for standard input.
    ///   - alias: another name for it, before all that it writes.
    func load(_ path: String, as alias: String? = nil) throws -> Topology {
        try Home.loadTopology(path, as: alias, overrides: self.overrides)
    }
}
