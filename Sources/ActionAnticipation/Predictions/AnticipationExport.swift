// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import ArgumentParser
import Codecs
import DurableFiles
import Records
import Shards
public import TaskRooms

/// The command line of `millrace export anticipation`: forecasts of a model as the challenge takes them.
public struct AnticipationExport: SampleExport {
    /// The name on the command line.
    public static let name = "anticipation"
    /// A line about the form.
    public static let abstract = "Write a model's forecasts of actions as the challenge takes them."
    /// An example of its use.
    public static let discussion = """
        Where a window of the annotations has no forecast nothing is written: the challenge refuses a file without it.

        EXAMPLES
          millrace export anticipation --shards forecasts --inputs 8 \\
              --annotations world/fho_lta_val.json \\
              --taxonomy world/fho_lta_taxonomy.json --output outputs.json
        """

    @Option(help: ArgumentHelp("The annotations whose windows were asked about.", valueName: "file"))
    var annotations: String

    @Option(help: ArgumentHelp("fho_lta_taxonomy.json of the same version.", valueName: "file"))
    var taxonomy: String

    @Option(help: ArgumentHelp("The segments that windows show, N, 1 to 256.", valueName: "n"))
    var inputs = 8

    @Option(help: ArgumentHelp("The segments that follow, Z, 1 to 256.", valueName: "n"))
    var futures = 20

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Refuses what is out of range.
    public func validate() throws {
        try OptionRange.check("--inputs", self.inputs, WindowCutting.range)
        try OptionRange.check("--futures", self.futures, WindowCutting.range)
    }

    /// Writes the prediction file.
    public func write(_ set: ShardSet, to output: String) throws -> [String] {
        let taxonomy = try AnticipationFiles.taxonomy(self.taxonomy).summary
        let cutting = WindowCutting(inputs: self.inputs, futures: self.futures)
        let windows = try AnticipationFiles.windows(self.annotations, self.taxonomy, cutting)
        let wanted = Set(windows.map(\.key))
        var file = OutputsFile()
        var others = 0
        for name in set.files {
            var lines = try ShardReader(name, in: set.storage).samples()
            while let line = try lines.next() {
                guard let forecast = ActionForecast(line: line) else {
                    throw TaskFailure(
                        .failed, "\(name) holds a line that is no forecast; is `\(set.name)` the right set?")
                }
                guard wanted.contains(forecast.key) else {
                    others += 1
                    continue
                }
                try self.check(forecast, taxonomy)
                try file.add(forecast.key, forecast.candidates)
            }
        }
        if let problem = file.problem(for: windows.map(\.key)) {
            throw TaskFailure(
                .failed,
                "nothing was written: `\(set.name)` \(problem). Ask about the rest (`millrace run`), see dead "
                    + "letters, or give the "
                    + "--inputs and --futures of its windows")
        }
        try UserFile.reporting { () throws(FileFailure) in try OutputFile.write(file.bytes, to: output) }
        return ["\(output): \(file.keys.count) windows"]
            + (others > 0 ? ["left out, of other windows: \(others)"] : [])
    }

    private func check(_ forecast: ActionForecast, _ taxonomy: TaxonomySummary) throws {
        for candidate in forecast.candidates {
            guard candidate.count == self.futures else {
                throw TaskFailure(
                    .failed,
                    "the forecast of \(forecast.key) has \(candidate.count) steps, and --futures are \(self.futures)")
            }
            guard candidate.allSatisfy({ $0.verb < taxonomy.verbs && $0.noun < taxonomy.nouns }) else {
                throw TaskFailure(
                    .failed, "the forecast of \(forecast.key) has a label beyond --taxonomy: is it of another version?")
            }
        }
    }
}
