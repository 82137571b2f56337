// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// The fine actions of all sequences, of which the files of two parts of the data set have the rows.
struct Assembly101FineActions {
    /// A fine action.
    struct Action {
        var interval: Interval
        var text: String
    }

    /// A sequence's fine actions in the order of the files.
    struct Sequence {
        var split: SourceSplit
        var toy = ""
        var actions: [Action] = []
        fileprivate var byteCount = 0
    }

    private(set) var sequences: [String: Sequence] = [:]

    /// The cameras whose rows are read; those of other cameras say the same again.
    private static let cameras = ["HMC_21110305", "HMC_84355350"]
    private static let columns = ["video", "start_frame", "end_frame", "action_cls", "toy_name"]

    /// Reads `train.csv` and `validation.csv`, of which one may be missing.
    /// - Parameter body: takes what is wrong with a row.
    mutating func read(
        folder: String, progress: ProgressHandler?, _ body: (SourceProblem) throws -> Void
    ) throws {
        var missing: [SourceError] = []
        for split in [SourceSplit.train, .val] {
            let path = folder + (split == .train ? "/train.csv" : "/validation.csv")
            do {
                try self.read(path, split, progress, body)
            } catch let error as SourceError where error.isMissing && missing.isEmpty {
                missing.append(error)
            }
        }
    }

    private mutating func read(
        _ path: String, _ split: SourceSplit, _ progress: ProgressHandler?, _ body: (SourceProblem) throws -> Void
    ) throws {
        var table = try DelimitedText(
            path: path, delimiter: UInt8(ascii: ","), requiring: Self.columns, progress: progress)
        let places = Self.columns.map { table.column($0) ?? -1 }
        while try table.next() {
            var key: String?
            do throws(SourceFault) {
                try table.checkRow()
                let video = try table.checkedText(places[0])
                guard Self.cameras.contains(where: { video.contains($0) }) else { continue }
                let sequence = String(video.prefix { $0 != "/" })
                try SourceFault.check(uid: sequence, field: "video")
                key = sequence
                try self.take(table, places, sequence, split)
            } catch { try body(table.problem(error, key: key)) }
        }
    }

    private mutating func take(
        _ table: DelimitedText, _ places: [Int], _ sequence: String, _ split: SourceSplit
    ) throws(SourceFault) {
        let interval = Interval(
            try Assembly101Frames.seconds(table, places[1], "start_frame"),
            try Assembly101Frames.seconds(table, places[2], "end_frame"))
        try SourceFault.check(interval, start: "start_frame", end: "end_frame")
        let text = try table.checkedText(places[3])
        let toy = try table.checkedText(places[4])
        try self.sequences[sequence, default: Sequence(split: split)].take(
            Action(interval: interval, text: text), toy: toy)
    }
}

extension Assembly101FineActions.Sequence {
    fileprivate mutating func take(_ action: Assembly101FineActions.Action, toy: String) throws(SourceFault) {
        self.byteCount += action.text.utf8.count + MemoryLayout<Assembly101FineActions.Action>.stride
        guard self.byteCount <= SourceLimits.videoBytesMax else {
            throw SourceFault(
                SourceReason.videoTooLarge,
                "its sequence has more than \(SourceLimits.videoBytesMax >> 20) MiB of actions: do several share a name?"
            )
        }
        // The last row's counts, as ProAssist has it; `- -` and its like are no names.
        self.toy = toy.contains("-") ? "" : toy
        self.actions.append(action)
    }
}

/// Frames as times.
enum Assembly101Frames {
    /// The frames a second that all annotations count by.
    static let perSecond = 30.0

    /// The time of a frame, in seconds.
    static func seconds(_ table: DelimitedText, _ column: Int, _ name: String) throws(SourceFault) -> Double {
        if let frame = table.number(column) { return frame / self.perSecond }
        let text = table.text(column) ?? ""
        throw SourceFault(
            text.isEmpty ? SourceReason.missingKey : SourceReason.notANumber,
            "`\(name)` is \"\(text.prefix(64))\": give the number of a frame")
    }
}

/// The truth about the steps of a sequence: what they were, and which are mistakes or corrections.
struct Assembly101Truths {
    /// A row of the file.
    struct Truth {
        var verb: String
        var text: String
        var label: String
        var remark: String
    }

    private var truths: [Double: Truth] = [:]
    /// The rows that could not be read.
    private(set) var problems: [SourceProblem] = []

    /// Reads a file; rows have six or seven columns, and a row that cannot be read is a problem.
    init(path: String) throws(SourceError) {
        var table = DelimitedText(sniffing: try FileReader.text(path: path))
        while try table.next() {
            do throws(SourceFault) {
                let start = try Self.start(table)
                var fields: [String] = []
                for column in 2..<table.fieldCount {
                    fields.append(String(try table.checkedText(column).trimming()))
                }
                let verb = fields[0]
                let truth = Truth(
                    verb: verb, text: "\(verb) \(fields[1]) \(verb == "attach" ? "to" : "from") \(fields[2])",
                    label: fields[3], remark: fields.count > 4 ? fields[4] : "")
                // The first row of a start is the one that counts.
                if self.truths[start] == nil { self.truths[start] = truth }
            } catch { self.problems.append(table.problem(error, key: nil)) }
            if self.problems.count > Self.problemsMax {
                throw SourceError(
                    file: path, line: table.line,
                    "has more than \(Self.problemsMax) rows that are none: is it the right file?")
            }
        }
    }

    private static let problemsMax = 1000

    private static func start(_ table: DelimitedText) throws(SourceFault) -> Double {
        if table.isTooLong {
            throw SourceFault(
                SourceReason.textTooLong, "longer than \(SourceLimits.lineBytesMax >> 20) MiB: shorten it")
        }
        guard table.fieldCount == 6 || table.fieldCount == 7 else {
            throw SourceFault(
                SourceReason.wrongFieldCount,
                "\(table.fieldCount) fields: expected start, end, verb, this, that, label, and a remark or none")
        }
        let start = try Assembly101Frames.seconds(table, 0, "start")
        try SourceFault.check(seconds: start, field: "start")
        return start
    }

    /// The truth about the step that starts at a time, where it is known.
    subscript(start: Double) -> Truth? { self.truths[start] }
}

/// The steps of a task, and the fine actions in them.
struct Assembly101Steps {
    private var steps: [AttachedNarration] = []
    private var actions: [Assembly101FineActions.Action] = []
    private var problems: [SourceProblem]
    private var counts: [String: Int] = [:]

    private static let fields = NarrationFieldNames(time: "start", text: "action", start: "start", end: "end")

    /// Reads a file of steps and says what they really were.
    init(path: String, _ truths: Assembly101Truths) throws(SourceError) {
        self.problems = truths.problems
        var table = DelimitedText(sniffing: try FileReader.text(path: path))
        var byteCount = 0
        while try table.next() {
            byteCount += table.rawByteCount
            if byteCount > SourceLimits.videoBytesMax {
                throw SourceError(
                    file: path, line: table.line, "has more than \(SourceLimits.videoBytesMax >> 20) MiB of steps")
            }
            do throws(SourceFault) {
                try self.take(table, truths)
            } catch { self.problems.append(table.problem(error, key: nil)) }
        }
    }

    private mutating func take(_ table: DelimitedText, _ truths: Assembly101Truths) throws(SourceFault) {
        guard !table.isTooLong, table.fieldCount >= 3 else {
            throw SourceFault(
                SourceReason.wrongFieldCount,
                "\(table.fieldCount) fields: expected start, end and action with tabs between")
        }
        let interval = Interval(
            try Assembly101Frames.seconds(table, 0, "start"), try Assembly101Frames.seconds(table, 1, "end"))
        try SourceFault.check(interval, start: "start", end: "end")
        var text = try table.checkedText(2)
        var details = NarrationDetails(level: .step)
        if let truth = truths[interval.start] {
            text = truth.text
            details.verb = truth.verb
            switch truth.label {
            case "mistake":
                details.mistake = true
                details.mistakeNote = truth.remark
            case "correction": details.correction = true
            case "correct": details.mistake = false
            default: self.counts["unread-label", default: 0] += 1
            }
        }
        self.steps.append(AttachedNarration(text: text, interval: interval, details: details))
    }

    /// Takes the fine actions that begin in one of the steps, ends included.
    mutating func take(_ actions: [Assembly101FineActions.Action]) {
        let spans = MergedSpans(self.steps.map(\.interval))
        self.actions = actions.filter { spans.contains($0.interval.start) }
    }

    /// Adds all: steps first, then fine actions, each with the step that began last before it.
    func add(to group: inout NarrationGroup) {
        for var problem in self.problems {
            problem.key = group.videoUID
            group.add(problem)
        }
        for (reason, count) in self.counts { group.count(reason, count) }
        let fine = self.actions.map {
            AttachedNarration(text: $0.text, interval: $0.interval, details: NarrationDetails(level: .substep))
        }
        let key = group.videoUID
        AttachedNarration.add(self.steps + fine, to: &group, fields: Self.fields) { fault, name in
            SourceProblem(
                reason: fault.reason, message: "video \(key), \(name): \(fault.message)", key: key, raw: Bytes())
        }
    }
}

/// Spans of time, asked whether any of them contains a moment.
private struct MergedSpans {
    private var spans: [Interval] = []

    init(_ intervals: [Interval]) {
        for interval in intervals.sorted(by: { $0.start < $1.start }) {
            if let last = self.spans.last, interval.start <= last.end {
                self.spans[self.spans.count - 1].end = max(last.end, interval.end)
            } else {
                self.spans.append(interval)
            }
        }
    }

    /// Tells whether a moment lies in one of them, ends included.
    func contains(_ time: Double) -> Bool {
        var low = 0
        var high = self.spans.count
        while low < high {
            let middle = (low + high) / 2
            if self.spans[middle].start <= time { low = middle + 1 } else { high = middle }
        }
        return low > 0 && time <= self.spans[low - 1].end
    }
}
