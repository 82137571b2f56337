// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records

/// Gathers consecutive narrations of one clip into blocks that are shown to the model together.
///
/// At the end of a video and pass it walks the narrations that have come, in their order: where one clip, the first in
/// the video's order, contains the first and the last timestamp of `size` consecutive ones, they are a block and the
/// walk goes on by `stride`; else by one. Windows are cut to the clip.
///
/// Counted: `no-block`, narrations that are in no run of `size` within a clip; `no-window` and `empty-window`,
/// narrations that a block lost because they have no window or it lies outside the clip (once a block); `empty-block`,
/// blocks that lost all; `superseded`, `no-video-record` and `end-without-video` as in `window`.
struct BlockOperator: Operator {
    static let size = Field("size", default: 5, in: 1...1000, help: "Number of consecutive narrations in a block.")
    static let stride = Field(
        "stride", default: 5, in: 1...1000,
        help:
            "Number of narrations from the begin of a block to that of the next; blocks overlap where it is below `size`."
    )
    static let contiguous = Field(
        "contiguous", default: false,
        help: "Only narrations that were consecutive in the source, with none filtered out between.")

    static let specification = OperatorSpecification(
        name: "block", summary: "Gathers consecutive narrations of one clip into blocks.",
        fields: [Self.size, Self.stride, Self.contiguous], isStateful: true)

    private let size: Int
    private let stride: Int
    private let isContiguous: Bool
    private var open = OpenVideos<HeldVideo>()

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.size = configuration[Self.size]
        self.stride = configuration[Self.stride]
        self.isContiguous = configuration[Self.contiguous]
    }

    mutating func process(_ element: Element<NarrationEvent>, into output: inout Collector<Block>) {
        guard let held = self.open.hold(element, into: &output) else { return }
        var clips = ClipIndex(held.video.clips)
        var position = 0
        var covered = 0
        var uncovered = 0
        while position + self.size <= held.entries.count {
            let run = held.entries[position..<position + self.size]
            guard let clip = self.clip(of: run, &clips) else {
                position += 1
                continue
            }
            uncovered += max(0, position - covered)
            covered = position + self.size
            self.emit(run, in: clip, of: held, into: &output)
            position += self.stride
        }
        uncovered += held.entries.count - covered
        if uncovered > 0 { output.count("no-block", uncovered) }
    }

    /// The first clip that contains the first and the last timestamp, where the run may be a block.
    private func clip(of run: ArraySlice<HeldVideo.Entry>, _ clips: inout ClipIndex) -> Clip? {
        guard let first = run.first?.narration, let last = run.last?.narration else { return nil }
        if self.isContiguous {
            let isConsecutive = zip(run, run.dropFirst()).allSatisfy { $1.narration.index == $0.narration.index + 1 }
            guard isConsecutive else { return nil }
        }
        let times = (first.timestampSec, last.timestampSec)
        let span = Interval(min(times.0, times.1), max(times.0, times.1))
        return clips.first(containing: span).map { clips.clips[$0] }
    }

    private func emit(
        _ run: ArraySlice<HeldVideo.Entry>, in clip: Clip, of held: HeldVideo, into output: inout Collector<Block>
    ) {
        var narrations: [Narration] = []
        narrations.reserveCapacity(run.count)
        for entry in run {
            var narration = entry.narration
            guard let window = narration.window else {
                output.count("no-window")
                continue
            }
            guard let cut = window.intersection(clip.span) else {
                output.count("empty-window")
                continue
            }
            narration.window = cut
            narrations.append(narration)
        }
        guard !narrations.isEmpty, let origin = run.first?.origin else {
            output.count("empty-block")
            return
        }
        let video = held.video
        let id = DerivedID.block(
            videoUID: video.videoUID, pass: video.pass, clipUID: clip.clipUID, narrations: narrations)
        let block = Block(
            blockID: id, videoUID: video.videoUID, pass: video.pass, clip: clip, narrations: narrations,
            meanGapSec: video.meanGapSec)
        output.emit(Element(key: held.key, value: block, origin: origin))
    }

    var openCount: Int { self.open.count }

    mutating func stateChanges() -> [StateChange] { self.open.stateChanges() }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) { try self.open.restore(entries) }
}
