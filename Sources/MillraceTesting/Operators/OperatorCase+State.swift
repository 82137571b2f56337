// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records

extension OperatorCase {
    /// The places at which runs are cut: every record, or some where there are many.
    private static func cuts(_ trial: OperatorTrial) -> [Int] {
        let count = trial.input.count
        return Array(stride(from: 0, through: count, by: max(1, count / 60)))
    }

    static let state: [OperatorCase] = [
        OperatorCase("after a restart at any record it goes on as if nothing had been") { trial in
            var whole = try OperatorRun(trial)
            try await whole.take(trial.input, from: 0)
            whole.commit()
            for cut in Self.cuts(trial) {
                var before = try OperatorRun(trial)
                try await before.take(trial.input[..<cut], from: 0)
                before.commit()
                var after = try OperatorRun(trial, store: before.store)
                try expectEqual(after.commit(), 0, "changes of a state that was just taken up, at record \(cut)")
                try expectEqual(after.openCount, before.openCount, "what is open after a restart at record \(cut)")
                try await after.take(trial.input[cut...], from: cut)
                after.commit()
                var sum = before.result
                sum.add(after.result)
                try expectEqual(sum, whole.result, "a run that starts anew at record \(cut)")
                try expectEqual(after.store, whole.store, "the state of a run that starts anew at record \(cut)")
            }
            return .kept
        },
        OperatorCase("a change of its state is told once") { trial in
            var run = try OperatorRun(trial)
            var isSeen = false
            for (index, record) in trial.input.enumerated() {
                try await run.take([record], from: index)
                if run.commit() > 0 { isSeen = true }
                try expectEqual(run.commit(), 0, "changes that are told again after record \(index)")
            }
            try expect(!isSeen || trial.specification.isStateful, "it has state, and does not say `isStateful`")
            return isSeen ? .kept : .skipped("it has no state with this input")
        },
        OperatorCase("what is open is in its state, and in nothing but its state") { trial in
            if !trial.specification.isStateful { return .skipped("it keeps no state") }
            var run = try OperatorRun(trial)
            for (index, record) in trial.input.enumerated() {
                try await run.take([record], from: index)
                run.commit()
                let count = run.openCount
                try expect(count == 0 || !run.store.isEmpty, "\(count) are open after record \(index), without state")
                if trial.specification.remembers { continue }
                try expect(
                    count > 0 || run.store.isEmpty, "nothing is open after record \(index), and there is state")
            }
            return .kept
        },
        OperatorCase("where all has ended nothing is kept") { trial in
            if !trial.specification.isStateful { return .skipped("it keeps no state") }
            if trial.specification.remembers { return .skipped("it remembers what has ended") }
            if !trial.isComplete { return .skipped("the input has no end for all that begins") }
            var run = try OperatorRun(trial)
            try await run.take(trial.input, from: 0)
            run.commit()
            try expectEqual(run.openCount, 0, "what is open behind the last end")
            try expectEqual(run.store.count, 0, "the entries of the state behind the last end")
            return .kept
        },
        OperatorCase("a state that cannot be read is refused") { trial in
            if !trial.specification.isStateful { return .skipped("it keeps no state") }
            var tried = 0
            for cut in Self.cuts(trial) where tried < 40 {
                var run = try OperatorRun(trial)
                try await run.take(trial.input[..<cut], from: 0)
                run.commit()
                guard let (key, value) = run.store.min(by: { $0.key.lexicographicallyPrecedes($1.key) }) else {
                    continue
                }
                for broken in [Bytes(value.dropLast()), Bytes("{\"".utf8), [0xff]] {
                    tried += 1
                    do {
                        _ = try OperatorRun(trial, store: run.store.merging([key: broken]) { $1 })
                    } catch is JSONError { continue }
                    let text = String(decoding: broken, as: UTF8.self)
                    throw BrokenPromise("it takes “\(text.prefix(200))” for its state", file: #fileID, line: #line)
                }
            }
            return tried > 0 ? .kept : .skipped("it has no state with this input")
        },
    ]
}
