// SPDX-License-Identifier: Apache-2.0

/// The obstacles between an owner and what it is about to write. Pure.
struct OwnershipDecision {
    let intent: Intent
    let owners: Owners
    /// Subjects for which nobody's claim holds, because their topic is not there.
    var released: Set<Claim.Subject> = []

    /// A name that differs from that of earlier commits.
    struct Change: Hashable {
        /// The evidence that there are such commits.
        enum Evidence: Hashable {
            case commits(of: Binding)
            case records(in: Claim.Subject)
        }

        var stage: String
        /// The change, from what to what.
        var description: String
        var evidence: Evidence
        /// Tells whether going on under the new name leaves nothing out and writes nothing twice.
        var isAcceptable: Bool
    }

    /// The claims that others have, in order, with their owners.
    var conflicts: [(subject: Claim.Subject, claim: Claim)] {
        self.intent.claims.map(\.subject).sorted().compactMap { subject in
            guard let claim = self.owners.claims[subject], claim.owner != self.intent.owner,
                !self.released.contains(subject)
            else { return nil }
            return (subject, claim)
        }
    }

    /// Records that cannot be read and are about what is to be written.
    var obstacles: [String] { self.keys.compactMap { self.owners.unreadable[$0] }.sorted() }

    /// Records that cannot be read and are about something else.
    var warnings: [String] {
        let keys = Set(self.keys)
        return self.owners.unreadable.filter { !keys.contains($0.key) }.map(\.value).sorted()
    }

    private var keys: [String] {
        self.intent.claims.map { OwnerRecord.key(of: $0.subject) }
            + self.intent.bindings.map { OwnerRecord.key(of: $0.owner, stage: $0.stage) }
    }

    /// The names that have changed, where anything was committed under the old ones.
    var changes: [Change] {
        let renamed = self.intent.claims.compactMap { claim -> Change? in
            guard let known = self.owners.claims[claim.subject], known.owner == claim.owner, let stage = claim.stage,
                let former = known.stage, former != stage
            else { return nil }
            return Change(
                stage: stage,
                description: "the stage that writes \(claim.subject) changed from `\(former)` to `\(stage)`",
                evidence: .records(in: claim.subject), isAcceptable: false)
        }
        return renamed + self.intent.bindings.flatMap(self.changes)
    }

    private func changes(of new: Binding) -> [Change] {
        guard let old = self.known(new), old != new else { return [] }
        func change(_ field: String, _ was: String?, _ now: String?, isAcceptable: Bool) -> Change {
            func text(_ name: String?) -> String { name.map { "`\($0)`" } ?? "nothing" }
            return Change(
                stage: new.stage, description: "`\(field)` changed from \(text(was)) to \(text(now))",
                evidence: .commits(of: old), isAcceptable: isAcceptable)
        }
        var changes: [Change] = []
        if old.from != new.from { changes.append(change("from", old.from, new.from, isAcceptable: false)) }
        if old.output.kind != new.output.kind {
            changes.append(
                Change(
                    stage: new.stage, description: "`to` changed from \(old.output) to \(new.output)",
                    evidence: .commits(of: old), isAcceptable: true))
        } else if old.output != new.output {
            let field = new.output.kind == .topic ? "to" : "shards"
            changes.append(change(field, old.output.name, new.output.name, isAcceptable: true))
        }
        if old.rejects != new.rejects {
            changes.append(change("rejects", old.rejects, new.rejects, isAcceptable: true))
        }
        return changes
    }

    private func known(_ binding: Binding) -> Binding? {
        self.owners.bindings[Owners.StageName(owner: binding.owner, stage: binding.stage)]
    }

    /// The stages that nobody has written down.
    var unknown: [Binding] { self.intent.bindings.filter { self.known($0) == nil } }

    /// The records yet to be written down, once nothing stands in the way.
    var missing: [OwnerRecord] {
        let claims = self.intent.claims.filter { self.owners.claims[$0.subject] != $0 }.map { claim in
            let known = self.owners.claims[claim.subject]?.owner
            return OwnerRecord.claim(claim, after: known == claim.owner ? nil : known)
        }
        let bindings = self.intent.bindings.filter { self.known($0) != $0 }.map(OwnerRecord.binding)
        return claims + bindings
    }
}
