// SPDX-License-Identifier: Apache-2.0

import Codecs
public import Dataflow
import Records
public import TaskRooms

/// Ego4D's long-term action anticipation, `fho_lta_train.json`, `fho_lta_val.json`, `fho_lta_test_unannotated.json`:
/// an element of `clips` is one action segment. Segments are gathered by clip, in the order in which clips first come,
/// and sorted by `action_idx`; of equal ones the first in the file comes first.
///
/// The file is not sorted by clip, so all its segments are in memory until its end, tens of bytes each.
public struct LTAAdapter: ConfigurableAdapter {
    static let annotations = Field(
        "annotations", required: "fho_lta_train.json",
        help: "fho_lta_train.json, fho_lta_val.json or fho_lta_test_unannotated.json.")
    static let taxonomyFile = Field(
        "taxonomy", required: "fho_lta_taxonomy.json",
        help: "fho_lta_taxonomy.json of the same version: labels are places in it.")
    static let split = Field<String?>(
        "split", default: nil, help: "Part of the data set; by default what the file says in `split`."
    ) { ($0.map { !$0.isEmpty && $0.utf8.count <= 64 } ?? true) ? nil : "it has 1 to 64 bytes" }

    /// Its name, help and fields.
    public static let specification = SourceSpecification(
        name: "lta", summary: "Ego4D's long-term action anticipation: segments of clips with verb and noun.",
        fields: [Self.annotations, Self.taxonomyFile, Self.split],
        examples: [
            "millrace ingest lta --annotations fho_lta_train.json \\",
            "    --taxonomy fho_lta_taxonomy.json",
        ])
    /// The topic that its records go to.
    public static let topic = "actions"

    private let path: String
    private let taxonomy: Taxonomy
    private let split: String?

    /// The most segments of a file: real ones have a hundred thousand.
    static let segmentsMax = 5_000_000
    /// The most segments of a clip; real ones of five minutes have some hundreds.
    static let clipSegmentsMax = 20_000

    /// Reads the taxonomy.
    public init(_ configuration: Configuration) throws {
        try self.init(
            annotations: configuration[Self.annotations], taxonomy: configuration[Self.taxonomyFile],
            split: configuration[Self.split])
    }

    /// Reads the taxonomy; the annotations are opened by `read`.
    public init(annotations: String, taxonomy: String, split: String? = nil) throws(SourceError) {
        self.path = annotations
        self.taxonomy = try Taxonomy(path: taxonomy)
        self.split = split
    }

    /// Warns where labels' texts are others.
    public static func warnings(about counts: [String: Int]) -> [String] {
        guard let count = counts["other-label-text"], count > 0 else { return [] }
        return [
            "of \(count) segments the label's text is another in the taxonomy: is it of the annotations' version? "
                + "Labels were "
                + "taken by their numbers"
        ]
    }

    /// Reads the file from its start; clips are handed out at its end.
    public func read(progress: ProgressHandler?, _ body: (SourceItem<ActionGroup>) throws -> Void) throws {
        let reader = try FileReader.text(path: self.path, progress: progress)
        var splitter = JSONSplitter(reader, layout: JSONLayout(opening: ["clips"], taking: ["split"]))
        var clips = ClipGathering()
        var fileSplit: String?
        while let piece = try splitter.next() {
            if piece.container == nil, piece.key == "split" {
                fileSplit = (try? JSONValue(parsing: piece.bytes))?.string.flatMap { $0.utf8.count <= 64 ? $0 : nil }
                continue
            }
            guard clips.segments < Self.segmentsMax else {
                throw SourceError(
                    file: self.path, line: piece.line,
                    "holds more than \(Self.segmentsMax) segments: is it the right file?")
            }
            try self.take(piece, into: &clips, body)
        }
        if clips.isEmpty {
            throw SourceError(
                file: self.path, "holds no segment: expected fho_lta_*.json, with the segments in `clips` at its top")
        }
        let split = self.split ?? fileSplit
        for clip in clips.all {
            if clip.isIncomplete {
                try body(.count(reason: "incomplete-clips", number: 1))
                continue
            }
            try body(.group(clip.group(split: split, self.taxonomy.summary)))
        }
    }

    private func take(
        _ piece: JSONPiece, into clips: inout ClipGathering, _ body: (SourceItem<ActionGroup>) throws -> Void
    ) throws {
        clips.segments += 1
        let problem: SourceProblem? = piece.bytes.withUnsafeBufferPointer { bytes in
            var uid: String?
            do throws(SourceFault) {
                if piece.isCut {
                    throw SourceFault(
                        SourceReason.textTooLong, "\(piece.byteCount) bytes: is a quote or bracket missing?")
                }
                let object = try ShallowObject(bytes)
                let clipUID = try object.entry("clip_uid").text("clip_uid")
                try SegmentReading.check(uid: clipUID, "clip_uid")
                uid = clipUID
                let reading = try SegmentReading(object, clipUID: clipUID, self.taxonomy)
                try clips.add(reading)
                guard let fault = reading.labelFault else { return nil }
                return self.problem(fault, piece, clipUID)
            } catch {
                // A window across a segment that is not there would tell a wrong future.
                if let uid { clips.spoil(uid) }
                return self.problem(error, piece, uid)
            }
        }
        if let problem { try body(.problem(problem)) }
    }

    private func problem(_ fault: SourceFault, _ piece: JSONPiece, _ uid: String?) -> SourceProblem {
        let place = SourcePlace(file: self.path, line: piece.line, offset: piece.offset)
        let entry = uid.map { "a segment of clip \($0.prefix(64))" } ?? "a segment"
        return SourceProblem(
            reason: fault.reason, message: "\(place): \(entry): \(fault.message)", key: uid, raw: piece.bytes,
            byteCount: piece.byteCount)
    }
}

/// The segments of a file by clip, in the order in which clips first came.
struct ClipGathering {
    struct Clip {
        var uid: String
        var videoUID: String?
        var startSec: Double?
        var segments: [ActionSegment] = []
        var isIncomplete = false
        var otherTexts = 0

        /// The clip with its segments in order.
        func group(split: String?, _ taxonomy: TaxonomySummary) -> ActionGroup {
            // The place in the file breaks ties: the order is total.
            let sorted = self.segments.enumerated().sorted {
                ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset)
            }
            var group = ActionGroup(
                ActionClip(
                    clipUID: self.uid, videoUID: self.videoUID ?? self.uid, split: split, taxonomy: taxonomy,
                    startSec: self.startSec), segments: sorted.map(\.element))
            let ranks = group.segments.map(\.rank)
            let repeated = zip(ranks, ranks.dropFirst()).count { $0 == $1 }
            let gaps = zip(ranks, ranks.dropFirst()).count { $1 > $0 + 1 }
            if repeated > 0 { group.counts["repeated-action_idx"] = repeated }
            if gaps > 0 { group.counts["gapped-action_idx"] = gaps }
            if self.otherTexts > 0 { group.counts["other-label-text"] = self.otherTexts }
            return group
        }
    }

    private(set) var all: [Clip] = []
    private var places: [String: Int] = [:]
    /// The elements that were seen, usable or not.
    var segments = 0

    var isEmpty: Bool { self.segments == 0 }

    mutating func add(_ reading: SegmentReading) throws(SourceFault) {
        let place = self.place(of: reading.clipUID)
        guard self.all[place].segments.count < LTAAdapter.clipSegmentsMax else {
            throw SourceFault(
                "clip-too-large", "the clip has more than \(LTAAdapter.clipSegmentsMax) segments: is `clip_uid` right?")
        }
        self.all[place].segments.append(reading.segment)
        if self.all[place].videoUID == nil { self.all[place].videoUID = reading.videoUID }
        if self.all[place].startSec == nil { self.all[place].startSec = reading.startSec }
        if reading.isOtherText { self.all[place].otherTexts += 1 }
    }

    mutating func spoil(_ uid: String) {
        let place = self.place(of: uid)
        self.all[place].isIncomplete = true
    }

    private mutating func place(of uid: String) -> Int {
        if let place = self.places[uid] { return place }
        self.places[uid] = self.all.count
        self.all.append(Clip(uid: uid))
        return self.all.count - 1
    }
}
