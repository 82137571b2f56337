// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records

/// The end of a case that broke no promise.
public enum TrialOutcome: Hashable, Sendable {
    /// The promise was tried, and is kept.
    case kept
    /// The promise was not tried, for a reason to report: `Test.cancel` of Swift Testing, `XCTSkip` of XCTest.
    case skipped(String)

    /// The reason for a skipped case.
    public var skipReason: String? {
        guard case .skipped(let reason) = self else { return nil }
        return reason
    }
}

/// One promise of operators, as something to try one by.
public struct OperatorCase: Sendable, CustomStringConvertible {
    /// The promise, in a few words.
    public let name: String
    private let body: @Sendable (OperatorTrial) async throws -> TrialOutcome

    init(_ name: String, _ body: @escaping @Sendable (OperatorTrial) async throws -> TrialOutcome) {
        self.name = name
        self.body = body
    }

    /// The promise, in a few words.
    public var description: String { self.name }

    /// Tries an operator.
    /// - Throws: `BrokenPromise`, or what the operator threw unexpectedly.
    public func run(on trial: OperatorTrial) async throws -> TrialOutcome { try await self.body(trial) }

    /// The whole suite.
    public static var all: [OperatorCase] { self.configuration + self.output + self.state + self.faults }

    // MARK: Configuration

    private static let configuration: [OperatorCase] = [
        OperatorCase("it says what it is and what can be configured") { trial in
            let specification = trial.specification
            try expect(Wording.isName(specification.name), "`\(specification.name)` is no name for YAML")
            try expect(
                Wording.isSentence(specification.summary), "the summary is no sentence: “\(specification.summary)”")
            try FieldRules.check(specification.fields, of: specification.name)
            return .kept
        },
        OperatorCase("a value of the wrong kind is refused, and its field named") { trial in
            try FieldRules.checkRefusals(trial.specification.fields)
            return .kept
        },
        OperatorCase("a configuration that only it can refuse is refused, and its field named") { trial in
            if trial.mistakes.isEmpty { return .skipped("the trial names no mistakes") }
            for mistake in trial.mistakes {
                do throws(ConfigurationError) {
                    try trial.step.overload.tryOut(mistake.configuration, trial.context)
                } catch {
                    try expectEqual(error.field, mistake.field, "the field of “\(error.message)”")
                    try expect(error.message.count > 8, "“\(error.message)” says neither fault nor remedy")
                    continue
                }
                throw BrokenPromise("a mistake in `\(mistake.field)` is taken", file: #fileID, line: #line)
            }
            return .kept
        },
    ]

    // MARK: Output

    /// Runs all records.
    private static func whole(_ trial: OperatorTrial, batch: Int? = nil) async throws -> OperatorRun {
        var run = try OperatorRun(trial)
        let size = max(1, batch ?? trial.input.count)
        for start in stride(from: 0, to: trial.input.count, by: size) {
            try await run.take(trial.input[start..<min(start + size, trial.input.count)], from: start)
            if batch != nil { run.commit() }
        }
        run.commit()
        return run
    }

    private static let output: [OperatorCase] = [
        OperatorCase("the input is what it takes") { trial in
            try expect(!trial.input.isEmpty, "the trial has no input")
            for record in trial.input {
                let value = record.value ?? []
                let written = try trial.step.overload.input.rewritten(value)
                try expectEqual(
                    try trial.step.overload.input.rewritten(written), written, "a value that is read and written")
            }
            return .kept
        },
        OperatorCase("the same input makes the same output, notes and state") { trial in
            let first = try await Self.whole(trial)
            let second = try await Self.whole(trial)
            try expectEqual(second.result, first.result, "the second run")
            try expectEqual(second.store, first.store, "the state of the second run")
            return .kept
        },
        OperatorCase("how the input is cut into batches and commits makes no difference") { trial in
            let all = try await Self.whole(trial)
            for size in [1, 2, 7] {
                let cut = try await Self.whole(trial, batch: size)
                try expectEqual(cut.result, all.result, "batches of \(size)")
                try expectEqual(cut.store, all.store, "the state after batches of \(size)")
            }
            return .kept
        },
        OperatorCase("what it makes can be read again, and says its type") { trial in
            let run = try await Self.whole(trial)
            let type = trial.step.overload.output
            for record in run.result.output {
                try expectEqual(
                    try type.rewritten(record.value ?? []), record.value, "an output that is read and written")
                try expectEqual(record.headers, type.headers, "the headers of an output")
            }
            return run.result.output.isEmpty ? .skipped("the input makes no output") : .kept
        },
        OperatorCase("without state it takes each record by itself") { trial in
            if trial.specification.isStateful { return .skipped("it keeps state") }
            let all = try await Self.whole(trial)
            var alone = OperatorRun.Result()
            for (index, record) in trial.input.enumerated() {
                var run = try OperatorRun(trial)
                try await run.take([record], from: index)
                try expectEqual(run.commit(), 0, "changes of the state of an operator that says it has none")
                alone.add(run.result)
            }
            try expectEqual(alone, all.result, "each record by itself")
            return .kept
        },
    ]
}
