// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import TaskRooms

extension AdapterCase {
    static let faults: [AdapterCase] = [
        AdapterCase("a fault in an entry is that entry's alone, and says file, field and value") { trial in
            if trial.faults.isEmpty { return .skipped("the trial names no faults") }
            let whole = try AdapterHarvest(trial)
            for fault in trial.faults { try Self.try(fault, trial, whole) }
            return .kept
        },
        AdapterCase("a file that is not there is refused, by its name") { trial in
            if trial.isListed { return .skipped("its files are those that a folder holds") }
            let whole = try AdapterHarvest(trial)
            var files = trial.files
            files[trial.main] = nil
            // The folder stays, whatever lies in it.
            files["other.txt"] = []
            let harvest = try AdapterHarvest(trial, files: files)
            let name = trial.main.split(separator: "/").last.map(String.init) ?? trial.main
            try expect(harvest.groups.count < whole.groups.count, "groups come of a file that is not there")
            let said = harvest.error?.description ?? harvest.problems.map(\.message).joined(separator: "\n")
            try expect(said.contains(name), "the refusal of \(name) does not name it: “\(said)”")
            return .kept
        },
        AdapterCase("an empty file, or one of another kind, is no success in silence") { trial in
            let whole = try AdapterHarvest(trial)
            for content in [Bytes(), Bytes("\n".utf8), Bytes("\0\0\0\0".utf8), [0x1f, 0x8b, 8, 0, 1]] {
                var files = trial.files
                files[trial.main] = content
                let harvest = try AdapterHarvest(trial, files: files)
                // A group has its first record and its end, and may be of other files.
                let made = harvest.groups.filter { group in
                    let known = whole.groups.first { $0.name == group.name }
                    return group.records.count > 2 && group.records.count >= known?.records.count ?? 0
                        && group != known
                }
                try expect(made.isEmpty, "records come of \(content)")
                try harvest.check(of: trial.main)
                // Nothing in, nothing out, for a format that an empty file is a file of.
                if content.contains(where: { $0 != 0x0a }) {
                    try expect(
                        harvest.error != nil || !harvest.problems.isEmpty || !harvest.counts.isEmpty,
                        "\(content) is read without a word")
                }
            }
            return .kept
        },
        AdapterCase("a file that breaks off gives whole groups, and an error where it can be known") { trial in
            try Self.cutOff(trial)
            return .kept
        },
        AdapterCase("broken bytes make errors, problems or groups that keep the rules") { trial in
            let main = trial.files[trial.main] ?? []
            for round in 0..<120 {
                var chance = Chance(seed: UInt64(round) &+ 3)
                var files = trial.files
                files[trial.main] = Broken.bytes(main, &chance)
                do {
                    try AdapterHarvest(trial, files: files).check(of: trial.main)
                } catch let error as BrokenPromise {
                    let text = String(decoding: files[trial.main] ?? [], as: UTF8.self)
                    throw BrokenPromise(
                        "\(error.message), in round \(round) of\n\(text.prefix(2000))", file: #fileID, line: #line)
                }
            }
            return .kept
        },
    ]

    private static func `try`(_ fault: AdapterFault, _ trial: any AdapterTrial, _ whole: AdapterHarvest) throws {
        var files = trial.files
        let name = fault.file ?? trial.main
        let text = String(decoding: files[name] ?? [], as: UTF8.self)
        guard let range = text.range(of: fault.text) else {
            throw BrokenPromise("“\(fault.text)” is not in \(name)", file: #fileID, line: #line)
        }
        files[name] = Bytes(text.replacingCharacters(in: range, with: fault.replacement).utf8)
        let harvest = try AdapterHarvest(trial, files: files)
        try harvest.check(of: trial.main)
        var said: String
        switch fault.outcome {
        case .problem(let reason):
            try expectEqual(harvest.error?.description, nil, "\(fault): the refusal of the whole file")
            let new = harvest.problems.filter { $0.reason == reason }
            let old = whole.problems.filter { $0.reason == reason }
            try expect(
                new.count > old.count,
                "\(fault): there is no problem `\(reason)`, but \(harvest.problems.map(\.message)) and \(harvest.counts)"
            )
            said = new.map(\.message).joined(separator: "\n")
            try expect(said.contains(name), "\(fault): the message does not name the file: “\(said)”")
        case .count(let reason):
            try expectEqual(harvest.error?.description, nil, "\(fault): the refusal of the whole file")
            try expect(
                harvest.counts[reason, default: 0] > whole.counts[reason, default: 0],
                "\(fault): `\(reason)` is not counted, but \(harvest.counts) and \(harvest.problems.map(\.message))")
            said = ""
        case .refusal:
            guard let error = harvest.error else {
                throw BrokenPromise("\(fault): the file is read to its end", file: #fileID, line: #line)
            }
            said = error.description
            try expect(said.contains(name), "\(fault): the refusal does not name the file: “\(said)”")
        }
        for word in fault.words { try expect(said.contains(word), "\(fault): “\(said)” does not say “\(word)”") }
        if fault.outcome == .refusal { return }
        for group in whole.groups where !fault.groups.contains(group.name) {
            let same = harvest.groups.first { $0.name == group.name }
            try expectEqual(same?.digest, group.digest, "\(fault): the group `\(group.name)`, which has no fault")
        }
    }

    private static func cutOff(_ trial: any AdapterTrial) throws {
        let whole = try AdapterHarvest(trial)
        let main = trial.files[trial.main] ?? []
        let end = (main.lastIndex { ![0x0a, 0x20, 0x09].contains($0) } ?? -1) + 1
        for length in stride(from: 1, to: end, by: max(1, end / 150)) {
            var files = trial.files
            files[trial.main] = Bytes(main[..<length])
            let harvest = try AdapterHarvest(trial, files: files)
            try harvest.check(of: trial.main)
            let isLineEnd = main[length - 1] == 0x0a || main[length] == 0x0a
            let isKnown = trial.cuts == .anywhere || (trial.cuts == .withinLines && !isLineEnd)
            guard isKnown else { continue }
            try expect(
                harvest.error != nil || !harvest.problems.isEmpty,
                "cut off after byte \(length) of \(end), it is read to its end without a word")
            for group in harvest.groups {
                let same = whole.groups.contains { $0.name == group.name && $0.digest == group.digest }
                try expect(
                    same || !group.problems.isEmpty || !harvest.problems.isEmpty || trial.cuts == .withinLines,
                    "cut off after byte \(length), `\(group.name)` is handed out as if it were whole")
            }
        }
    }
}
