// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records

extension Ownership {
    /// Changes of names that the groups of an earlier version's log show: a stage that nobody wrote down is adopted as
    /// it is, unless its commits, or those of a stage that is gone, show that it had other names.
    func changesBeforeAdoption(
        _ unknown: [Binding], _ topics: [String: Int]
    ) throws(LogError) -> [OwnershipDecision.Change] {
        guard let owner = unknown.first?.owner, owner.kind == .topology else { return [] }
        let groups: [GroupDescription]
        do throws(LogError) { groups = try self.log.groups() } catch {
            // Without the right to list groups, what is there is adopted.
            if error.isRetriable { throw error }
            return []
        }
        let own = groups.filter { $0.group.hasPrefix("\(owner.name).") && !$0.commits.isEmpty }
        var changes: [OwnershipDecision.Change] = []
        for binding in unknown {
            let evidence = OwnershipDecision.Change.Evidence.commits(of: binding)
            if let group = own.first(where: { $0.group == binding.group }) {
                guard let change = try self.change(of: binding, group, topics) else { continue }
                changes.append(
                    .init(stage: binding.stage, description: change, evidence: evidence, isAcceptable: false))
            } else if let former = self.formerStage(of: binding, own), try self.holdsRecords(binding.output, topics) {
                changes.append(
                    .init(
                        stage: binding.stage,
                        description: "the stage's name changed from `\(former)` to `\(binding.stage)`",
                        evidence: evidence, isAcceptable: false))
            }
        }
        return changes
    }

    private func change(
        of binding: Binding, _ group: GroupDescription, _ topics: [String: Int]
    ) throws(LogError) -> String? {
        let here = group.commits.filter { $0.partition.topic == binding.from }
        if here.isEmpty {
            let former = Set(group.commits.map { "`\($0.partition.topic)`" }).sorted().joined(separator: ", ")
            return "`from` changed from \(former) to `\(binding.from)`"
        }
        let given = here.compactMap { try? TaskMetadata(parsing: $0.committed.metadata).recordsOut }.reduce(0) {
            $0.addingReportingOverflow($1).partialValue
        }
        guard given > 0, try !self.holdsRecords(binding.output, topics) else { return nil }
        let field = binding.output.kind == .topic ? "to" : "shards"
        return
            "`\(field)` changed to `\(binding.output.name)`, which holds none of the \(given) records that it gave before"
    }

    /// A stage that is no longer there and has read what this one reads.
    private func formerStage(of binding: Binding, _ groups: [GroupDescription]) -> String? {
        let stages = Set(self.intent.bindings.map(\.stage))
        return groups.filter { group in group.commits.contains { $0.partition.topic == binding.from } }
            .map { String($0.group.dropFirst(binding.owner.name.utf8.count + 1)) }
            // A name with a dot is a stage of another topology, whose name begins as this one's.
            .first { !stages.contains($0) && !$0.contains(".") }
    }
}
