// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
public import TaskRooms

/// Assembly101: people who take toys apart and put them together, with mistakes, seen by cameras on their heads.
///
/// Three repositories of annotations lie in one folder:
///
/// - `fine-grained-annotations/{train,validation}.csv` (`video` = SEQUENCE/CAMERA.mp4, `start_frame`, `end_frame`,
///   `action_cls`, `toy_name`): fine actions, of which the rows of two of the cameras are read;
/// - `coarse-annotations/coarse_labels/{assembly,disassembly}_SEQUENCE.txt` (start, end, action; tabs): the steps;
/// - `assembly101-mistake-detection/annots/SEQUENCE.csv` (start, end, verb, this, that, label, remark; no header): what
///   the steps really were, known by their start frame, and whether a step is a mistake or its correction.
///
/// All times are frames, of which there are 30 a second whatever the camera. A task (assembly or disassembly of a
/// sequence) that lacks one of the three is counted and left out. It makes a video for each of the four cameras whose
/// file is there, `TASK_SEQUENCE__CAMERA`; without a folder of videos, one, `TASK_SEQUENCE`. Times stay those of the
/// whole recording.
public struct Assembly101Adapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "assembly101"

    /// The folder of the annotations' repositories.
    public let annotations: String
    /// The folder of the videos, a folder a sequence; `nil` for none.
    public let videos: String?
    private let context: VideoContext

    /// The cameras on the head, of which a sequence was recorded by some.
    static let cameras = [
        "HMC_21110305_mono10bit", "HMC_21179183_mono10bit", "HMC_84355350_mono10bit", "HMC_84358933_mono10bit",
    ]

    /// Reads the side files; the annotations are opened by `read`.
    public init(
        annotations: String, videos: String? = nil, options: SourceOptions = SourceOptions()
    ) throws(SourceError) {
        self.annotations = annotations
        self.videos = videos
        self.context = try VideoContext(options)
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    private var coarse: String { self.annotations + "/coarse-annotations/coarse_labels" }
    private var mistakes: String { self.annotations + "/assembly101-mistake-detection/annots" }

    /// Reads all tasks in the order of their names; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        var fine = Assembly101FineActions()
        try fine.read(folder: self.annotations + "/fine-grained-annotations", progress: progress) {
            try body(.problem($0))
        }
        let files = try FileReader.names(inFolder: self.coarse).filter { $0.hasSuffix(".txt") }
        let known = try self.mistakeFiles()
        var isEmpty = true
        for file in files.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            guard let task = Assembly101Task(file: file) else {
                try body(.count(reason: "no-task", number: 1))
                continue
            }
            isEmpty = false
            guard let actions = fine.sequences[task.sequence] else {
                try body(.count(reason: "without-fine-annotations", number: 1))
                continue
            }
            guard known.contains(task.sequence + ".csv") else {
                try body(.count(reason: "without-mistake-annotations", number: 1))
                continue
            }
            for item in self.items(task, actions) { try body(item) }
        }
        if isEmpty {
            throw SourceError(file: self.coarse, "holds no task: expected assembly_….txt and disassembly_….txt")
        }
    }

    /// The files of mistakes; none where their folder is not there, so that each task is counted.
    private func mistakeFiles() throws(SourceError) -> Set<String> {
        do throws(SourceError) {
            return Set(try FileReader.names(inFolder: self.mistakes))
        } catch  where error.isMissing { return [] }
    }

    /// The videos of a task, or what is wrong with it.
    private func items(_ task: Assembly101Task, _ actions: Assembly101FineActions.Sequence) -> [NarrationItem] {
        let path = self.coarse + "/" + task.file
        do throws(SourceError) {
            let truths = try Assembly101Truths(path: self.mistakes + "/" + task.sequence + ".csv")
            var steps = try Assembly101Steps(path: path, truths)
            steps.take(actions.actions)
            let cameras = self.cameras(of: task.sequence)
            if cameras.isEmpty { return [.count(reason: "without-video", number: 1)] }
            return cameras.map { self.item(task, actions, steps, camera: $0, at: SourcePlace(file: path)) }
        } catch {
            let place = SourcePlace(file: error.file, line: error.line, offset: error.offset)
            let fault = SourceFault(
                error.isMissing ? SourceReason.missingFile : SourceReason.unreadableFile,
                "\(error.message). None of the task is read; mend the file or take it out")
            return [.problem(fault.problem(at: place, entry: "task \(task.name)", key: task.name, raw: Bytes()))]
        }
    }

    /// The cameras whose videos are there; one without a name where videos are not looked for.
    private func cameras(of sequence: String) -> [String?] {
        guard let videos = self.videos else { return [nil] }
        let files = Set((try? FileReader.names(inFolder: videos + "/" + sequence)) ?? [])
        return Self.cameras.filter { files.contains($0 + ".mp4") }
    }

    private func item(
        _ task: Assembly101Task, _ actions: Assembly101FineActions.Sequence, _ steps: Assembly101Steps,
        camera: String?, at place: SourcePlace
    ) -> NarrationItem {
        let uid = task.name + (camera.map { "__" + $0 } ?? "")
        do throws(SourceFault) {
            try SourceFault.check(uid: uid, field: "the file's name")
        } catch {
            return .problem(error.problem(at: place, entry: "task \(uid.prefix(64))", key: uid, raw: Bytes()))
        }
        var group = NarrationGroup(videoUID: uid, pass: 1, keepsOrder: true)
        steps.add(to: &group)
        let toy = actions.toy.isEmpty ? "toy" : "toy " + actions.toy
        let details = VideoDetails(
            goal: group.fitting("\(task.kind.verb) \(toy)", "toy_name", SourceLimits.goalBytesMax), camera: camera,
            sourceSplit: actions.split.rawValue, session: task.person ?? task.sequence)
        return self.context.item(Video(videoUID: uid, source: Self.name, details: details), group, at: place)
    }
}

/// A task: a file of steps, and so a sequence that is put together or taken apart.
struct Assembly101Task {
    /// The kinds of tasks.
    enum Kind: String {
        case assembly
        case disassembly

        /// Names what is done.
        var verb: String { self == .assembly ? "assemble" : "disassemble" }
    }

    let file: String
    let kind: Kind
    let sequence: String

    var name: String { "\(self.kind.rawValue)_\(self.sequence)" }

    /// Reads `assembly_SEQUENCE.txt`.
    init?(file: String) {
        let stem = file.prefix { $0 != "." }
        let parts = stem.split(separator: "_", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])), !parts[1].isEmpty else { return nil }
        self.file = file
        self.kind = kind
        self.sequence = String(parts[1])
    }

    /// The person of `nusar-2021_action_both_9011-a01_9011_user_id_2021-02-01_000001`.
    var person: String? {
        let parts = self.sequence.split(separator: "_")
        guard let place = parts.firstIndex(of: "user"), place > 0 else { return nil }
        return String(parts[place - 1])
    }
}

/// The command line of `millrace ingest assembly101`.
public struct Assembly101Arguments: SourceArguments {
    /// A line about the source.
    public static let abstract = "Assembly101: steps of assembling toys, with mistakes and their corrections."
    /// Examples of its use.
    public static let discussion = """
        The folder of annotations holds fine-grained-annotations, coarse-annotations and assembly101-mistake-detection.

        EXAMPLES
          millrace ingest assembly101 --annotations assembly101/annotations \\
              --videos assembly101/videos
        """

    @Option(help: ArgumentHelp("The folder with the three repositories of annotations.", valueName: "dir"))
    var annotations: String

    @Option(
        help: ArgumentHelp(
            "The folder with the videos, a folder a sequence: a video is made for each camera whose file is there.",
            valueName: "dir"))
    var videos: String?

    @OptionGroup var guards: GuardArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Opens the side files.
    public func makeAdapter() throws -> Assembly101Adapter {
        try Assembly101Adapter(
            annotations: self.annotations, videos: self.videos, options: try self.guards.options())
    }
}
