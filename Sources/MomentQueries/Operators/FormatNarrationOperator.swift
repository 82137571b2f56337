// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import VideoAnnotations

/// Turns narrations themselves into training samples, as NaQ does: the text is the query, and the clip is the first of
/// the video's, in order, that contains the whole window.
///
/// Counted: `no-clip`, narrations whose window no clip contains; `no-window`, narrations that no `window` step gave
/// one; `blank`, narrations without text; `no-video-record`, narrations that came without their video's record;
/// `end-without-video`, ends that came without it or a second time.
struct FormatNarrationOperator: Operator {
    static let specification = OperatorSpecification(
        name: "format", summary: "Turns narrations themselves into training samples.",
        fields: [SampleSchema.field, SampleSchema.jitter], isStateful: true)

    private let jitter: Bool?
    private let topologyHash: String
    private var open = OpenVideos<OpenClips>()

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.jitter = configuration[SampleSchema.jitter]
        self.topologyHash = context.topologyHash
    }

    mutating func process(_ element: Element<NarrationEvent>, into output: inout Collector<Sample>) {
        switch element.value {
        case .video(let video):
            self.open.open(VideoPass(videoUID: video.videoUID, pass: video.pass), OpenClips(video.clips))
        case .narration(let narration):
            guard let index = self.open.index(of: narration.videoUID, narration.pass) else {
                output.count("no-video-record")
                return
            }
            guard let window = narration.window else {
                output.count("no-window")
                return
            }
            guard let place = self.open[index].place(of: narration, window) else {
                output.count("no-clip")
                return
            }
            let text = QueryText.collapsed(narration.text)
            guard !text.isEmpty else {
                output.count("blank")
                return
            }
            // Put together where it is handed on: a value of so many parts is dear to copy.
            output.emit(
                Element(
                    key: element.key,
                    value: Sample(
                        queryID: place.ids.id(of: narration, window: window), clip: place.clip,
                        annotationUID: place.ids.annotationUID, query: text, template: nil, window: window,
                        lineage: Lineage(
                            videoUID: narration.videoUID, pass: narration.pass, narrations: [narration.index],
                            topology: self.topologyHash),
                        jitter: self.jitter), origin: element.origin))
        case .end(let end):
            if self.open.close(VideoPass(videoUID: end.videoUID, pass: end.pass)) == nil {
                output.count("end-without-video")
            }
        }
    }

    var openCount: Int { self.open.count }

    mutating func stateChanges() -> [StateChange] { self.open.stateChanges() }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) { try self.open.restore(entries) }

    /// The clips of an open video with their annotations. Its only piece is the list of clips.
    private struct OpenClips: OpenVideo {
        private var index: ClipIndex
        private var ids: [NarrationID?]
        private var isSaved = false

        init(_ clips: [Clip]) {
            self.index = ClipIndex(clips)
            self.ids = Array(repeating: nil, count: clips.count)
        }

        /// The first clip that contains the window of a narration, and the ids there; `nil` where none does.
        mutating func place(of narration: Narration, _ window: Interval) -> (clip: Clip, ids: NarrationID)? {
            guard let found = self.index.first(containing: window) else { return nil }
            let clip = self.index.clips[found]
            if let known = self.ids[found] { return (clip, known) }
            let ids = NarrationID(videoUID: narration.videoUID, pass: narration.pass, clipUID: clip.clipUID)
            self.ids[found] = ids
            return (clip, ids)
        }

        mutating func takeUnsavedPieces() -> [Bytes] {
            if self.isSaved { return [] }
            self.isSaved = true
            var json = JSONWriter()
            json.beginArray()
            for clip in self.index.clips { clip.write(to: &json) }
            json.endArray()
            return [json.bytes]
        }

        init(_ video: VideoPass, restoring pieces: [Bytes]) throws(JSONError) {
            var clips: [Clip] = []
            for piece in pieces {
                try JSONScanner.scan(piece) { json throws(JSONError) in
                    try json.beginArray()
                    while try json.nextElement() { clips.append(try Clip(json: &json)) }
                }
            }
            self.init(clips)
            self.isSaved = true
        }
    }
}
