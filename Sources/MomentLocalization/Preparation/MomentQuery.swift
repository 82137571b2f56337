// SPDX-License-Identifier: Apache-2.0

/// One query about one clip, with its answer where it is known: what training, fine-tuning and evaluation work on,
/// wherever it comes from.
public struct MomentQuery: Hashable, Sendable {
    /// The name in messages: the sample's `query_id`, or annotation and place.
    public var id: String
    /// The id of the video.
    public var videoUID: String
    /// The id of the clip.
    public var clipUID: String
    /// The start of the clip in the video, in seconds.
    public var clipStart: Double
    /// The end of the clip in the video, in seconds.
    public var clipEnd: Double
    /// The annotation that it belongs to.
    public var annotationUID: String
    /// Its place among the queries of the annotation.
    public var queryIndex: Int
    /// The text as the model reads it; empty where there is none.
    public var sentence: String
    /// The template that it was written by, if it is known.
    public var template: String?
    /// The answer in seconds from the clip's start; `nil` where it is not known.
    public var answer: Answer?
    /// Tells whether the answer stands for a moment, and may be widened and shifted in training.
    public var jitters: Bool
    /// Tells whether its text is white space alone, which asks for nothing.
    public var isBlank: Bool

    /// Tells whether it has a text. One without is never asked; it keeps its place among the others.
    public var hasText: Bool { !self.sentence.isEmpty }
    /// The clip's length in seconds, as annotated; not above zero where its times are wrong.
    public var clipLength: Double { self.clipEnd - self.clipStart }

    /// Describes a query.
    public init(
        id: String, videoUID: String, clipUID: String, clipStart: Double, clipEnd: Double, annotationUID: String,
        queryIndex: Int, sentence: String, template: String?, answer: Answer?, jitters: Bool = false,
        isBlank: Bool = false
    ) {
        self.id = id
        self.videoUID = videoUID
        self.clipUID = clipUID
        self.clipStart = clipStart
        self.clipEnd = clipEnd
        self.annotationUID = annotationUID
        self.queryIndex = queryIndex
        self.sentence = sentence
        self.template = template
        self.answer = answer
        self.jitters = jitters
        self.isBlank = isBlank
    }

    /// An answer window.
    public struct Answer: Hashable, Sendable {
        /// The start, in seconds from the clip's start.
        public var start: Double
        /// The end.
        public var end: Double

        /// Describes a window.
        public init(start: Double, end: Double) {
            self.start = start
            self.end = end
        }

        /// Tells whether it is too short to be hit.
        public var isEmpty: Bool { MomentWindow.isEmpty(start: self.start, end: self.end) }
    }
}

extension MomentQuery {
    /// Returns a query as the network reads it: without blanks, then question marks, at both ends, in lower case and
    /// with one question mark behind it (EGO4D/episodic-memory,
    /// `NLQ/VSLNet/utils/prepare_ego4d_dataset.py::process_question`).
    public static func sentence(of query: String) -> String {
        self.strip(self.strip(query, " "), "?").lowercased() + "?"
    }

    private static func strip(_ text: some StringProtocol, _ character: Character) -> Substring {
        var rest = Substring(text)
        while rest.first == character { rest.removeFirst() }
        while rest.last == character { rest.removeLast() }
        return rest
    }
}
