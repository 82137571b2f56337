// SPDX-License-Identifier: Apache-2.0

import ActionAnticipation
import ActionForecasting
import ArgumentParser
import Codecs
import Foundation
import Records
import TaskRooms

/// `millrace evaluate anticipation`
struct EvaluateAnticipationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anticipation", abstract: "Score forecasts of actions as the challenge does, beside baselines.",
        discussion: """
            Prints ED@Z and AUED of verbs, nouns and actions (plain edit distance; of K candidates the nearest counts), with \
            intervals over clips, and beside them three baselines fitted on --train: repeating the last action, the most \
            frequent labels, a Markov chain. The first and the last are told the label of what was seen last. Scores compare \
            at equal K and equal --inputs alone.

            EXAMPLES
              millrace evaluate anticipation --predictions outputs.json \\
                  --ground-truth world/fho_lta_val.json \\
                  --taxonomy world/fho_lta_taxonomy.json \\
                  --train world/fho_lta_train.json
            """)

    @Option(help: ArgumentHelp("The predictions, in the challenge's form.", valueName: "file"))
    var predictions: String

    @Option(help: ArgumentHelp("The annotations, such as fho_lta_val.json.", valueName: "file"))
    var groundTruth: String

    @Option(help: ArgumentHelp("fho_lta_taxonomy.json of the same version.", valueName: "file"))
    var taxonomy: String

    @Option(help: ArgumentHelp("The training annotations, for baselines.", valueName: "file"))
    var train: String?

    @Option(help: ArgumentHelp("The segments that windows show, N, 1 to 256.", valueName: "n"))
    var inputs = 2

    @Option(help: ArgumentHelp("The segments that follow, Z, 1 to 256.", valueName: "n"))
    var futures = 20

    @Flag(
        inversion: .prefixedNo, help: "Count the last window of each clip, too, which the official code once left out.")
    var inclusive = true

    @Flag(help: "Print the report as JSON.")
    var json = false

    @OptionGroup(title: "Options of every command") var logs: LogOptions

    func validate() throws {
        try OptionRange.check("--inputs", self.inputs, WindowCutting.range)
        try OptionRange.check("--futures", self.futures, WindowCutting.range)
    }

    func run() throws {
        try self.logs.apply()
        try CommandFailure.reporting {
            let cutting = WindowCutting(inputs: self.inputs, futures: self.futures, isInclusive: self.inclusive)
            let taxonomy = try AnticipationFiles.taxonomy(self.taxonomy)
            let windows = try AnticipationFiles.windows(self.groundTruth, self.taxonomy, cutting)
            let told = windows.filter { $0.future != nil }
            guard !told.isEmpty else {
                throw CommandFailure(
                    .usage,
                    "\(self.groundTruth) holds no window of \(self.inputs) inputs and \(self.futures) futures whose "
                        + "actions are "
                        + "told; name fho_lta_val.json, or other --inputs and --futures")
            }
            let file = try OutputsFile(
                UserFile.contents(self.predictions), path: self.predictions, steps: self.futures,
                taxonomy: taxonomy.summary)
            if let problem = file.problem(for: windows.map(\.key)) {
                throw CommandFailure(
                    .failed,
                    "\(self.predictions) \(problem): it must answer the windows of \(self.groundTruth) at --inputs "
                        + "\(self.inputs) and --futures \(self.futures), and no others")
            }
            let counts = Set(file.candidates.values.map(\.count))
            guard counts.count == 1, let count = counts.first else {
                throw CommandFailure(
                    .failed,
                    "\(self.predictions) has \(counts.min() ?? 0) candidates of some windows and "
                        + "\(counts.max() ?? 0) of "
                        + "others; scores compare at equal numbers alone")
            }
            try self.print(try self.rows(told, file, count, cutting), count, windows.count - told.count)
        }
    }

    private func rows(
        _ windows: [ForecastWindow], _ file: OutputsFile, _ count: Int, _ cutting: WindowCutting
    ) throws -> [ForecastEvaluation.Row] {
        var rows = [
            ForecastEvaluation.row("predictions", windows, steps: self.futures) { file.candidates[$0.key] }
        ]
        if let train {
            guard try UserFile.contents(train) != UserFile.contents(self.groundTruth) else {
                throw CommandFailure(
                    .usage, "--train and --ground-truth are the same file: baselines fitted to it prove nothing")
            }
            let learnt = try AnticipationFiles.windows(train, self.taxonomy, cutting)
            guard let baselines = ForecastBaselines(fittedTo: learnt) else {
                throw CommandFailure(.usage, "--train \(train) holds no window whose actions are told")
            }
            for kind in ForecastBaselines.Kind.allCases {
                rows.append(
                    ForecastEvaluation.row(kind.rawValue, windows, steps: self.futures) { window in
                        baselines.candidates(kind, window, steps: self.futures, count: count, seed: 1)
                    })
            }
        }
        return rows.compactMap(\.self)
    }

    private func print(_ rows: [ForecastEvaluation.Row], _ count: Int, _ untold: Int) throws {
        if self.json { return try Results.json(Self.json(rows, count).bytes) }
        var lines = ["K = \(count) candidates, Z = \(self.futures) steps"] + ForecastEvaluation.lines(rows)
        if untold > 0 { lines.append("note: the actions of \(untold) windows more are not told") }
        if self.train == nil { lines.append("note: give --train to see what scores no network needs") }
        try Results.lines(lines)
    }

    private static func json(_ rows: [ForecastEvaluation.Row], _ count: Int) -> JSONValue {
        func members(_ interval: ForecastEvaluation.Interval?) -> JSONValue {
            interval.map { .array([.double($0.low), .double($0.high)]) } ?? .null
        }
        return .object([
            JSONValue.Member("k", .int(count)), JSONValue.Member("z", .int(rows.first?.scores.steps ?? 0)),
            JSONValue.Member(
                "rows",
                .array(
                    rows.map { row in
                        var fields = [
                            JSONValue.Member("name", .string(row.name)),
                            JSONValue.Member("windows", .int(row.scores.windows)),
                        ]
                        for (name, scores) in row.scores.parts {
                            fields.append(
                                JSONValue.Member(
                                    name,
                                    .object([
                                        JSONValue.Member("ed", scores.distance.map(JSONValue.double) ?? .null),
                                        JSONValue.Member("ed_interval", members(row.distances[name])),
                                        JSONValue.Member("aued", scores.area.map(JSONValue.double) ?? .null),
                                        JSONValue.Member("aued_interval", members(row.areas[name])),
                                        JSONValue.Member(
                                            "ed_by_step", .array(scores.distances.map(JSONValue.double))),
                                    ])))
                        }
                        return .object(fields)
                    })),
        ])
    }
}
