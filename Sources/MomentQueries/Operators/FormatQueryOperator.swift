// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Records
import VideoAnnotations

/// The schema that `format` writes.
enum SampleSchema: String, Choice {
    /// The fields of the Natural Language Queries files.
    case nlq

    static let field = Field(
        "schema", default: SampleSchema.nlq, help: "Form of the samples; `nlq`: that of the official query files.")

    static let jitter = Field<Bool?>(
        "jitter", default: nil,
        help: """
            Write into each sample whether a trainer may widen and shift its window. Without it `millrace train` does so \
            by its `--jitter`, since generated windows surround moments.
            """)
}

/// Turns queries into training samples.
///
/// A query that cannot be a sample is a dead letter: `blank-query`, it says nothing; `window-outside-clip`, its window
/// is empty or not in its clip.
struct FormatQueryOperator: Operator {
    static let specification = OperatorSpecification(
        name: "format", summary: "Turns queries into training samples.",
        fields: [SampleSchema.field, SampleSchema.jitter])

    private let jitter: Bool?

    /// The annotation of the latest clip: the queries of a clip come together.
    private var latest: (videoUID: String, clipUID: String, annotationUID: String)?

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.jitter = configuration[SampleSchema.jitter]
    }

    mutating func process(_ element: Element<Query>, into output: inout Collector<Sample>) {
        let query = element.value
        guard query.query.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            output.fail(element, reason: "blank-query", message: "the query has no text")
            return
        }
        guard query.window.length > 0, query.clip.span.contains(query.window) else {
            let (window, span) = (query.window, query.clip.span)
            output.fail(
                element, reason: "window-outside-clip",
                message: """
                    the window \(window.start)…\(window.end) s is not a span within clip \(query.clip.clipUID), \
                    \(span.start)…\(span.end) s
                    """)
            return
        }
        output.emit(
            Sample(
                queryID: query.queryID, clip: query.clip, annotationUID: self.annotation(of: query), query: query.query,
                template: query.template, window: query.window, lineage: query.lineage,
                jitter: self.jitter, scores: query.scores),
            from: element)
    }

    private mutating func annotation(of query: Query) -> String {
        if let latest, latest.clipUID == query.clip.clipUID, latest.videoUID == query.videoUID {
            return latest.annotationUID
        }
        let uid = DerivedID.annotation(videoUID: query.videoUID, clipUID: query.clip.clipUID)
        self.latest = (query.videoUID, query.clip.clipUID, uid)
        return uid
    }
}
