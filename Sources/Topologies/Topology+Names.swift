// SPDX-License-Identifier: Apache-2.0

public import Dataflow
import Records

extension Topology {
    /// The same stages under another name, with topics and sets of their own: each name behind the new one and a dot,
    /// and a single set named as the topology is. Topics that it only reads stay as they are.
    public func renamed(_ name: String) -> Topology {
        let written = Set(self.stages.flatMap(\.writtenTopics))
        let sets = self.shardSets.count
        var topology = self
        topology.name = name
        topology.stages = self.stages.map { stage in
            var stage = stage
            if written.contains(stage.from) { stage.from = "\(name).\(stage.from)" }
            stage.rejects = stage.rejects.map { "\(name).\($0)" }
            switch stage.destination {
            case .topic(let topic): stage.destination = .topic("\(name).\(topic)")
            case .shards(var shards):
                shards.name = sets == 1 ? name : "\(name).\(shards.name)"
                stage.destination = .shards(shards)
            }
            return stage
        }
        return topology
    }

    /// The fault in a name for a topology; `nil` for a good name.
    public static func problem(name: String) -> String? {
        TopologyLoader.checkName(name) ?? ReservedTopics.problem(naming: name)
    }

    /// Names, topics and sets that several topologies of one home share, reported at the place in the later file.
    public static func collisions(among topologies: [Topology]) -> [Diagnostic] {
        var names: [String: Topology] = [:]
        var writers: [Output: Topology] = [:]
        var diagnostics: [Diagnostic] = []
        for topology in topologies {
            if let other = names[topology.name] {
                let message =
                    "the topology `\(topology.name)` of \(other.file) has this name, too: they would share groups and dead "
                    + "letters; give one of them another name"
                diagnostics.append(Diagnostic(file: topology.file, mark: topology.mark, message: message))
            }
            names[topology.name] = names[topology.name] ?? topology
            for (output, mark) in topology.outputs {
                if let other = writers[output] {
                    let message =
                        "\(output) are written by the topology `\(other.name)` of \(other.file), too: each has one "
                        + "owner, and a run is refused what is another's; give one of them other topics and another set, as "
                        + "`millrace run FILE --as NAME` does"
                    diagnostics.append(Diagnostic(file: topology.file, mark: mark, message: message))
                }
                writers[output] = writers[output] ?? topology
            }
        }
        return diagnostics
    }

    /// A topic or a set that a stage writes.
    private enum Output: Hashable, CustomStringConvertible {
        case topic(String)
        case shards(String)

        var description: String {
            switch self {
            case .topic(let name): "records of the topic `\(name)`"
            case .shards(let name): "the shards `\(name)`"
            }
        }
    }

    /// All that the stages write, with its place in the file.
    private var outputs: [(Output, SourceMark?)] {
        self.stages.flatMap { stage in
            let output: Output =
                switch stage.destination {
                case .topic(let topic): .topic(topic)
                case .shards(let shards): .shards(shards.name)
                }
            return [(output, stage.toMark)] + (stage.rejects.map { [(.topic($0), stage.rejectsMark)] } ?? [])
        }
    }
}
