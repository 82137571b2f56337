// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import VideoAnnotations

/// Cuts clips into windows of segments that are seen and segments that follow.
///
/// A clip is held until its end, whose count must be that of the segments that came.
///
/// Counted: `other-split`, clips of another part than `splits` names, or of none that is told; `short-clip`, clips with
/// too few segments for a window; `partly-labelled`, windows of which some of what follows is not told, and some is;
/// `unlabelled`, windows without any, where `labelled` wants them; `superseded`, clips that begin anew before their end
/// came; `no-clip-record`, segments and ends without their clip; `count-mismatch`, clips of which other segments came
/// than were written.
struct WindowsOperator: Operator {
    static let inputs = Field("inputs", default: 2, in: WindowCutting.range, help: "The segments that are seen, N.")
    static let futures = Field("futures", default: 20, in: WindowCutting.range, help: "The segments that follow, Z.")
    static let inclusive = Field(
        "inclusive", default: true,
        help: "Keeps the last window of a clip, which the official code left out until August 2023.")
    static let labelled = Field(
        "labelled", default: true, help: "Only windows of which all that follows is told, as training wants.")

    static let splits = Field<[String]>(
        "splits", default: ["train"],
        help: "The parts of the data set whose clips are cut; where the list is empty, all are.")

    static let specification = OperatorSpecification(
        name: "windows", summary: "Cuts clips into windows of segments that are seen and segments that follow.",
        fields: [Self.inputs, Self.futures, Self.inclusive, Self.labelled, Self.splits], isStateful: true)

    private let cutting: WindowCutting
    private let wantsLabels: Bool
    private let splits: Set<String>
    private let topologyHash: String
    private var open = OpenVideos<OpenClip>()

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.cutting = WindowCutting(
            inputs: configuration[Self.inputs], futures: configuration[Self.futures],
            isInclusive: configuration[Self.inclusive])
        self.wantsLabels = configuration[Self.labelled]
        self.splits = Set(configuration[Self.splits])
        self.topologyHash = context.topologyHash
    }

    mutating func process(_ element: Element<ActionRecord>, into output: inout Collector<ActionWindow>) {
        switch element.value {
        case .clip(let clip):
            if self.open.open(Self.name(clip.clipUID), OpenClip(clip)) != nil { output.count("superseded") }
        case .segment(let segment, let clipUID):
            guard let index = self.open.index(of: clipUID, 1) else { return output.count("no-clip-record") }
            self.open[index].segments.append(segment)
        case .end(let clipUID, let count):
            guard let clip = self.open.close(Self.name(clipUID)) else { return output.count("no-clip-record") }
            guard clip.segments.count == count else { return output.count("count-mismatch") }
            let isWanted = self.splits.isEmpty || clip.clip.split.map(self.splits.contains) ?? false
            guard isWanted else { return output.count("other-split") }
            self.cut(clip, of: element, into: &output)
        }
    }

    private static func name(_ clipUID: String) -> VideoPass { VideoPass(videoUID: clipUID, pass: 1) }

    private func cut(
        _ clip: OpenClip, of element: Element<ActionRecord>, into output: inout Collector<ActionWindow>
    ) {
        let windows = self.cutting.windows(of: clip.clip, clip.segments, topology: self.topologyHash)
        if windows.isEmpty { return output.count("short-clip") }
        var kept = windows.filter { window in
            switch window.truth {
            case .told: return true
            case .partial: output.count("partly-labelled")
            case .untold:
                if !self.wantsLabels { return true }
                output.count("unlabelled")
            }
            return false
        }
        // The clip ends with the last that is there.
        if !kept.isEmpty { kept[kept.count - 1].isLast = true }
        for window in kept { output.emit(window, from: element) }
    }

    var openCount: Int { self.open.count }

    mutating func stateChanges() -> [StateChange] { self.open.stateChanges() }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) { try self.open.restore(entries) }
}

/// A clip that has begun and not ended. Its pieces are lists of records: the clip's with those of segments, then those
/// of segments that came since.
private struct OpenClip: OpenVideo {
    let clip: ActionClip
    var segments: [ActionSegment] = []
    private var saved = 0
    private var isSaved = false

    init(_ clip: ActionClip) { self.clip = clip }

    mutating func takeUnsavedPieces() -> [Bytes] {
        if self.isSaved, self.saved == self.segments.count { return [] }
        var json = JSONWriter()
        json.beginArray()
        if !self.isSaved { ActionRecord.clip(self.clip).write(to: &json) }
        for segment in self.segments[self.saved...] {
            ActionRecord.segment(segment, clipUID: self.clip.clipUID).write(to: &json)
        }
        json.endArray()
        self.isSaved = true
        self.saved = self.segments.count
        return [json.bytes]
    }

    init(_ video: VideoPass, restoring pieces: [Bytes]) throws(JSONError) {
        var clip: ActionClip?
        var segments: [ActionSegment] = []
        for piece in pieces {
            try JSONScanner.scan(piece) { json throws(JSONError) in
                try json.beginArray()
                while try json.nextElement() {
                    switch try ActionRecord(json: &json) {
                    case .clip(let one): clip = one
                    case .segment(let segment, _): segments.append(segment)
                    case .end: throw JSONError("a clip's state holds no end", offset: json.offset)
                    }
                }
            }
        }
        guard let clip else { throw JSONError("a clip's state lacks its record", offset: 0) }
        self.clip = clip
        self.segments = segments
        self.saved = segments.count
        self.isSaved = true
    }
}
