// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dialogues
import DurableFiles
import Foundation
import Records
import TaskRooms
import TextEncoders

/// `millrace evaluate`, of one task or another.
struct EvaluateCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Evaluate answers by what was to be answered.",
        subcommands: [
            EvaluateCommand.self, EvaluateDialoguesCommand.self, EvaluateAnticipationCommand.self,
            EvaluateFramesCommand.self,
        ],
        defaultSubcommand: EvaluateCommand.self)
}

/// `millrace evaluate dialogues`
struct EvaluateDialoguesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dialogues", abstract: "Evaluate what an assistant says by what it ought to say, frame by frame.",
        discussion: """
            Reads JSON files of one video each, or JSON lines, as ProAssist's runner writes them: {"predictions": [{"gen": …, \
            "ref": …}, …]}, one entry a frame. Answers and references are matched at the least cost in time and meaning; \
            then come precision, recall, F1, missing and redundant rates, the time difference, BLEU and CIDEr.

            EXAMPLES
              millrace evaluate dialogues --predictions predictions.jsonl \\
                  --dataset ego4d --bert all-MiniLM-L6-v2
            """)

    @Option(parsing: .upToNextOption, help: ArgumentHelp("Files of predictions.", valueName: "file"))
    var predictions: [String]

    @Option(help: "The data set, by whose name the window is found: ego4d, epickitchens, holoassist, …")
    var dataset = ""

    @Option(help: "Frames a second.")
    var rate = 2.0

    @Option(help: "A pair whose similarity is above is alike, 0 to 1.")
    var threshold = 0.5

    @Option(
        help: ArgumentHelp("The sentence encoder: a folder with model.safetensors and vocab.txt.", valueName: "dir"))
    var bert: String

    @Flag(help: "Count as ProAssist does, for which a perfect answer goes with no reference.")
    var original = false

    @Flag(help: "Print the metrics as JSON.")
    var json = false

    @OptionGroup(title: "Options of every command") var logs: LogOptions

    func validate() throws {
        guard self.rate > 0, self.rate <= 1000 else { throw ValidationError("--rate wants more than 0, up to 1000.") }
        guard 0...1 ~= self.threshold else { throw ValidationError("--threshold wants 0 to 1.") }
    }

    func run() throws {
        try self.logs.apply()
        try CommandFailure.reporting {
            let sentences = try Sentences(folder: self.bert)
            var evaluation = DialogueEvaluation(
                rate: self.rate, seconds: DialogueEvaluation.window(of: self.dataset), threshold: self.threshold,
                manner: self.original ? .original : .mended)
            for path in self.predictions { try self.add(path, to: &evaluation, sentences) }
            if self.json { return try Results.json(Self.json(evaluation).bytes) }
            try Results.lines(
                ["\(evaluation.videoCount) videos"]
                    + evaluation.metrics.map { name, value in
                        "\(name): " + (value.map { String(format: "%.4f", $0) } ?? "-")
                    })
        }
    }

    private func add(_ path: String, to evaluation: inout DialogueEvaluation, _ sentences: Sentences) throws {
        let bytes = try UserFile.contents(path)
        // One object a file, or one a line.
        let whole = try? JSONValue(parsing: bytes)
        let parts = whole.map { [(1, $0)] } ?? []
        let lines = whole == nil ? Self.lines(bytes) : []
        for (number, line) in lines {
            guard let value = try? JSONValue(parsing: line) else {
                throw CommandFailure(.failed, "\(path):\(number): it is not JSON")
            }
            try self.add(value, "\(path):\(number)", to: &evaluation, sentences)
        }
        for (_, value) in parts { try self.add(value, path, to: &evaluation, sentences) }
    }

    private static func lines(_ bytes: Bytes) -> [(number: Int, line: ArraySlice<UInt8>)] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
            .map { ($0.offset + 1, $0.element) }.filter { !$0.line.allSatisfy { $0 == 0x20 || $0 == 0x0d } }
    }

    private func add(
        _ value: JSONValue, _ place: String, to evaluation: inout DialogueEvaluation, _ sentences: Sentences
    ) throws {
        do throws(DialogueEvaluation.Fault) {
            try evaluation.add(value) { sentences.similarity($0, $1) }
        } catch {
            throw CommandFailure(.failed, "\(place): \(error)")
        }
    }

    private static func json(_ evaluation: DialogueEvaluation) -> JSONValue {
        .object(
            [JSONValue.Member("videos", .int(evaluation.videoCount))]
                + evaluation.metrics.map { JSONValue.Member($0.name, $0.value.map(JSONValue.double) ?? .null) })
    }
}

/// The meanings of sentences: the mean of a BERT's states, of length 1, kept once computed.
private final class Sentences {
    private let encoder: BERTEncoder
    private let tokenizer: WordPieceTokenizer
    private var known: [String: [Float]] = [:]

    init(folder: String) throws {
        try WordPieceTokenizer.checkConfiguration(folder: folder)
        self.encoder = try BERTEncoder(folder: folder)
        self.tokenizer = try WordPieceTokenizer(vocabulary: folder + "/vocab.txt")
    }

    /// The cosine of two sentences.
    func similarity(_ left: String, _ right: String) -> Double {
        Double(zip(self.meaning(left), self.meaning(right)).reduce(0) { $0 + $1.0 * $1.1 })
    }

    private func meaning(_ text: String) -> [Float] {
        if let known = self.known[text] { return known }
        let ids = self.tokenizer.tokens(text, countMax: self.encoder.positionsMax).ids
        let states = self.encoder.encode(ids)
        let width = self.encoder.width
        var mean = [Float](repeating: 0, count: width)
        for (index, state) in states.enumerated() { mean[index % width] += state }
        let norm = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let meaning = norm > 0 ? mean.map { $0 / norm } : mean
        self.known[text] = meaning
        return meaning
    }
}
