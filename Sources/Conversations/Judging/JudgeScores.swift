// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records

/// Scores that judges have given a record, by criterion. They travel with it.
public struct JudgeScores: Hashable, Sendable {
    /// The scores by criterion, on the judge's own scale.
    public var values: [String: Double]

    /// Creates scores.
    public init(_ values: [String: Double] = [:]) { self.values = values }

    /// These scores, and another judge's; of a criterion that both have, the other's.
    public func merged(with other: JudgeScores) -> JudgeScores {
        JudgeScores(self.values.merging(other.values) { $1 })
    }

    /// Writes the JSON form: an object of numbers, its members in the order of their names.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        for (name, value) in self.values.sorted(by: { $0.key < $1.key }) {
            json.key(text: name)
            json.value(value)
        }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        self.values = [:]
        try json.beginObject()
        while let key = try json.nextKey() {
            let name = key.text
            self.values[name] = try json.double()
        }
    }
}

/// A type of record that a judge can score.
public protocol Judgeable: StreamValue {
    /// The placeholders of a rubric: what the judge is shown of the record. `criteria`, `lowest`, `highest` and
    /// `schema` are the judge's own.
    static var rubricPlaceholders: [PromptTemplate<Self>.Placeholder] { get }
    /// The placeholder that a rubric has to hold.
    static var rubricSubject: String { get }
    /// The record's own name, from its content; seeds are derived from it.
    var judgeID: String { get }
    /// Tells whether it is to be judged: what is not, such as a mark that others end, passes as it is.
    var isJudged: Bool { get }
    /// The scores that it has been given; `nil`, and not written, where no judge has seen it.
    var scores: JudgeScores? { get set }
    /// The reason why it cannot be judged by what a rubric shows of it; `nil` where it can.
    /// - Parameter shown: the names of the placeholders that the rubric has, of `rubricPlaceholders`.
    func obstacle(toShowing shown: Set<String>) -> RequestFailure?
}

extension Judgeable {
    /// None: most records hold all that a rubric may show.
    public func obstacle(toShowing shown: Set<String>) -> RequestFailure? { nil }
}

extension Judgeable {
    /// Most types hold nothing but what is to be judged.
    public var isJudged: Bool { true }
}
