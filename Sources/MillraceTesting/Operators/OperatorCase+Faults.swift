// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records

extension OperatorCase {
    static let faults: [OperatorCase] = [
        OperatorCase("letters name the step, a reason, the fault and the record") { trial in
            var run = try OperatorRun(trial)
            try await run.take(trial.input, from: 0)
            try Self.check(run.result, of: trial, records: trial.input.count)
            return run.result.letters.isEmpty ? .skipped("the input makes no letters") : .kept
        },
        OperatorCase("input that is broken, incomplete, out of order or there twice is borne, within bounds") { trial in
            for round in 0..<Self.rounds(trial) {
                let records = Self.broken(trial.input, round)
                var run = try OperatorRun(trial)
                for (index, record) in records.enumerated() {
                    let before = run.result.output.count
                    try await run.take([record], from: index)
                    let made = run.result.output.count - before
                    try expect(made <= trial.outputsMax, "round \(round): record \(index) makes \(made) records")
                }
                run.commit()
                try Self.check(run.result, of: trial, records: records.count)
                let bytes = records.reduce(0) { $0 + ($1.key?.count ?? 0) + ($1.value?.count ?? 0) }
                try expect(
                    run.storeBytes <= 16 * bytes + (64 << 10),
                    "round \(round): \(bytes) bytes of input leave \(run.storeBytes) bytes of state")
                for record in run.result.output {
                    let value = record.value ?? []
                    try expectEqual(
                        try trial.step.overload.output.rewritten(value), value, "round \(round): an output, read again")
                }
                // It can take up whatever it has written itself.
                _ = try OperatorRun(trial, store: run.store)
            }
            return .kept
        },
    ]

    /// The longer the input, the fewer of it, so that a suite ends.
    private static func rounds(_ trial: OperatorTrial) -> Int { max(12, min(200, 6000 / max(1, trial.input.count))) }

    /// The rules that all letters and counts keep.
    private static func check(_ result: OperatorRun.Result, of trial: OperatorTrial, records: Int) throws {
        for letter in result.letters {
            let place = "the letter “\(letter.reason): \(letter.message.prefix(200))”"
            // A record that cannot be read at all never reaches the operator.
            try expect(["read", trial.step.name].contains(letter.step), "\(place) is signed by `\(letter.step)`")
            try expect(Wording.isReason(letter.reason), "\(place) has no reason to count by")
            try expect(letter.message.count > 8, "\(place) does not say what is wrong")
            try expect((0..<Offset(records)).contains(letter.origin), "\(place) is about offset \(letter.origin)")
        }
        for (reason, count) in result.counts {
            try expect(Wording.isReason(reason), "`\(reason)` is no reason to count by")
            try expect(count >= 0, "`\(reason)` counts \(count)")
        }
    }

    /// The input with some of the things that happen.
    private static func broken(_ input: [Record], _ round: Int) -> [Record] {
        var chance = Chance(seed: UInt64(round) &+ 17)
        var records = input
        for _ in 0...chance.below(4) where !records.isEmpty {
            let index = chance.below(records.count)
            switch chance.below(8) {
            case 0: records.remove(at: index)
            case 1: records.insert(records[index], at: chance.below(records.count))
            case 2: records.swapAt(index, chance.below(records.count))
            case 3: records[index].value = records[index].value.map { Bytes($0.dropLast(3)) }
            case 4: records[index].key = chance.below(2) == 0 ? nil : Bytes("another".utf8)
            default:
                guard let value = try? JSONValue(parsing: records[index].value ?? []) else { continue }
                records[index].value = Broken.value(value, &chance).bytes
            }
        }
        return records
    }
}
