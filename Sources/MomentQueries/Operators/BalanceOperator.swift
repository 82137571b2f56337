// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import VideoAnnotations

/// Keeps or drops queries so that what is kept comes to have the templates, the lengths of windows and the places in
/// the clip of a reference (`BalanceQuota`).
///
/// Each task keeps a quota of its own, whose counts are its state: no task reads another's, and the sum over the
/// partitions is what `profile --against` reports. Nothing is put off: a query goes on or is dropped as it comes.
///
/// Counted: `kept`, and `dropped.2-4s`, dropped queries by the length of their windows; `plan` reads from these the
/// size of the set that waiting records can give. Queries whose window is none pass unjudged, for `format` to refuse.
struct BalanceOperator: Operator {
    static let reference = Field<FileReference?>(
        "reference", default: nil,
        help: """
            Queries in the official format, such as nlq_train.json, or aggregates of them, that the kept ones come to be \
            like; without it people's queries, which are built in.
            """)
    static let leastKept = Field(
        "least-kept", default: 0.2,
        help: """
            The share of the queries that is kept at least, above 0 and up to 1. The lower, the nearer to the reference: \
            what is so rare that more would have to be dropped gives all it has, and the rest shares what it lacks.
            """,
        check: { 0.001...1 ~= $0 ? nil : "must be from 0.001 to 1" })

    static let specification = OperatorSpecification(
        name: "balance", summary: "Drops queries until templates, lengths and places are those of a reference.",
        fields: [Self.reference, Self.leastKept], isStateful: true, remembers: true)

    private static let stateKey = Bytes("quota".utf8)

    private var quota: BalanceQuota
    private var isChanged = false

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        let reference = try configuration[Self.reference].map { file throws(ConfigurationError) in
            try QueryReference(file, field: Self.reference.name)
        }
        self.quota = BalanceQuota(reference ?? .humanTrain, keepingAtLeast: configuration[Self.leastKept])
    }

    mutating func process(_ element: Element<Query>, into output: inout Collector<Query>) {
        let query = element.value
        guard query.window.length > 0, query.window.length.isFinite, query.clip.span.contains(query.window) else {
            output.emit(element)
            return
        }
        self.isChanged = true
        let template = query.template.flatMap(QueryTemplate.init(named:))
        if self.quota.takes(template, query.window, in: query.clip.span) {
            output.count("kept")
            output.emit(element)
        } else {
            output.count("dropped." + QueryReference.bucketName(QueryReference.bucket(ofSeconds: query.window.length)))
        }
    }

    mutating func stateChanges() -> [StateChange] {
        guard self.isChanged else { return [] }
        self.isChanged = false
        var json = JSONWriter()
        json.beginArray()
        for count in self.quota.counts { json.value(count) }
        json.endArray()
        return [StateChange(key: Self.stateKey, value: json.bytes)]
    }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) {
        for entry in entries {
            let counts = try JSONScanner.scan(entry.value) { json throws(JSONError) in
                var counts: [Int] = []
                try json.beginArray()
                while try json.nextElement() { counts.append(try json.int(in: JSONScanner.counts)) }
                return counts
            }
            guard entry.key == Self.stateKey, self.quota.restore(counts) else {
                throw JSONError("the state is not the quota of a `balance` with this reference", offset: 0)
            }
        }
    }
}
