// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Records
public import TaskRooms

/// A choice among Ego4D's two annotation passes.
public enum PassSelection: String, Hashable, Sendable, CaseIterable {
    /// The first annotator's.
    case first = "1"
    /// The second annotator's.
    case second = "2"
    /// Both, each as a group of its own.
    case both

    /// The passes in order.
    public var passes: [Int] {
        switch self {
        case .first: [1]
        case .second: [2]
        case .both: [1, 2]
        }
    }
}

/// Ego4D's narrations: `narration.json` with its two passes, or `all_narrations_redacted.json` without passes, told
/// apart by content, video by video.
///
/// Splitting the file and parsing its pieces are separate, so that two threads can share the work:
/// ```swift
/// var splitter = try adapter.splitter(progress: nil)              // one thread
/// while let piece = try splitter.next() { … }
/// for item in adapter.parse(piece) { … }                          // any thread
/// ```
public struct Ego4DAdapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "ego4d"

    /// The path of the narrations.
    public let narrations: String
    /// The passes that are read.
    public let passes: PassSelection
    /// Parts of the metadata that could not be used; `read` hands them out first.
    public let metadataProblems: [SourceProblem]

    let context: VideoContext
    let metadata: Ego4DMetadata?
    /// Tells whether videos say which part of the data set they are for, by the benchmarks of the metadata.
    let saysParts: Bool

    /// Reads the metadata and the other side files.
    ///
    /// - Parameters:
    ///   - narrations: the path of `narration.json` or `all_narrations_redacted.json`, opened by `read`.
    ///   - metadata: the path of `ego4d.json`, for lengths and clips.
    ///   - passes: the passes to read; a file without passes has pass 1.
    ///   - saysParts: lets videos say which part of the data set they are for (`Ego4DSplits`).
    ///   - options: exclusion lists, features, clip length.
    public init(
        narrations: String, metadata: String? = nil, passes: PassSelection = .first, saysParts: Bool = false,
        options: SourceOptions = SourceOptions()
    ) throws(SourceError) {
        self.saysParts = saysParts
        self.narrations = narrations
        self.passes = passes
        self.context = try VideoContext(options)
        if let metadata {
            self.metadata = try Ego4DMetadata(path: metadata)
        } else {
            self.metadata = nil
        }
        self.metadataProblems = self.metadata?.problems ?? []
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    /// Starts to cut the file into videos.
    public func splitter(progress: ProgressHandler? = nil) throws(SourceError) -> NarrationFileSplitter {
        try NarrationFileSplitter(path: self.narrations, progress: progress)
    }

    /// Reads the file from its start; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        for problem in self.metadataProblems { try body(.problem(problem)) }
        var splitter = try self.splitter(progress: progress)
        while let piece = try splitter.next() {
            for item in self.parse(piece) { try body(item) }
        }
    }
}

/// The command line of `millrace ingest ego4d`.
public struct Ego4DArguments: SourceArguments {
    /// A line about the source.
    public static let abstract = "Ego4D's narration.json, or all_narrations_redacted.json."
    /// Examples of its use.
    public static let discussion = """
        EXAMPLES
          millrace ingest ego4d --narrations narration.json --metadata ego4d.json \\
              --exclude nlq_val.json --exclude nlq_test_unannotated.json \\
              --features features --pass both
        """

    @Option(help: ArgumentHelp("The narrations.", valueName: "file"))
    var narrations: String

    @Option(help: ArgumentHelp("ego4d.json, for durations and clips.", valueName: "file"))
    var metadata: String?

    @Option(name: .customLong("pass"), help: "The annotation pass: 1, 2 or both.", transform: passSelection)
    var passes: PassSelection = .first

    @Flag(
        help: ArgumentHelp(
            "Say of each video whether it is for training, by the benchmarks of the metadata (split_em, split_fho, split_av, "
                + "split_goalstep); `pack` asks for it."))
    var parts = false

    @OptionGroup var guards: GuardArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Opens the side files.
    public func makeAdapter() throws -> Ego4DAdapter {
        if self.parts, self.metadata == nil {
            throw TaskFailure(.usage, "--parts wants --metadata ego4d.json, which says them")
        }
        return try Ego4DAdapter(
            narrations: self.narrations, metadata: self.metadata, passes: self.passes, saysParts: self.parts,
            options: try self.guards.options())
    }
}
