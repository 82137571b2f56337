// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Records

/// The fixed form in which a record that could not be used is kept: who refused it and why, where it is from, and the
/// record itself.
struct DeadLetterEnvelope {
    static let headers = [Header("schema", "dead-letter/1")]
    /// A record whose envelope would be larger is kept truncated to this many bytes of its value.
    static let valueBytesMax = 1 << 20
    /// The most bytes that a letter keeps of a key.
    static let keyBytesMax = 1 << 16

    let topology: String
    let stage: String

    /// The possibilities of taking the record of a dead letter again.
    enum Retry: String {
        /// It gave nothing else: taken again, it gives what is missing.
        case whole
        /// It gave something else too, which would come twice.
        case partial
        /// A step of the stage gathers records, and would have this one out of its order.
        case gathered
    }

    /// Writes a letter about a record.
    /// - Parameters:
    ///   - retry: whether the record can be taken again, where the letter is a dead one of a stage.
    ///   - order: the order by which it was taken again already.
    func write(
        _ letter: Letter, source: TopicPartition, record: Record?, recordBytesMax: Int, retry: Retry? = nil,
        order: RetryOrder? = nil
    ) -> Record {
        let size = (record?.value?.count ?? 0) + (record?.key?.count ?? 0) + (letter.value?.count ?? 0)
        let headerSize = record?.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.count } ?? 0
        // JSON may write a byte as six (\u0000), so what is within a sixth of the limit surely fits.
        let truncated =
            (size + headerSize + 4096) * 6 > recordBytesMax && size + headerSize > Self.valueBytesMax / 8
        var json = JSONWriter()
        json.beginObject()
        json.field("topology", self.topology)
        json.field("stage", self.stage)
        json.field("step", letter.step)
        json.field("kind", letter.kind.rawValue)
        json.field("reason", letter.reason)
        json.field("message", Self.cut(letter.message))
        json.field("topic", source.topic)
        json.field("partition", source.partition)
        json.field("offset", Int(letter.origin))
        self.write(record, truncated: truncated, to: &json)
        if let value = letter.value, !truncated {
            json.key("verdict_on")
            json.raw(value)
        }
        json.field("truncated", truncated)
        if let retry { json.field("retry", retry.rawValue) }
        if let order {
            json.field("attempt", order.attempt)
            if let first = order.letters.first { json.field("retry_of", first) }
        }
        json.endObject()
        // A key that is cut in the envelope would not fit beside it either.
        let key = record?.key.flatMap { $0.count <= Self.keyBytesMax ? $0 : nil }
        return Record(key: key, value: json.bytes, headers: Self.headers)
    }

    private func write(_ record: Record?, truncated: Bool, to json: inout JSONWriter) {
        Self.write("key", record?.key, limit: Self.keyBytesMax, to: &json)
        let limit = truncated ? Self.valueBytesMax / 8 : Int.max
        Self.write("value", record?.value, limit: limit, to: &json)
        json.field("value_bytes", record?.value?.count ?? 0)
        json.key("headers")
        json.beginArray()
        if !truncated {
            for header in record?.headers ?? [] {
                json.beginObject()
                json.field("name", header.name)
                Self.write("value", header.value, limit: Int.max, to: &json)
                json.endObject()
            }
        }
        json.endArray()
    }

    /// Text as text, anything else in base 64 under `…_base64`.
    private static func write(_ name: String, _ bytes: Bytes?, limit: Int, to json: inout JSONWriter) {
        guard let bytes else {
            json.key(text: name)
            json.null()
            return
        }
        if let text = String(validating: bytes, as: UTF8.self) {
            json.key(text: name)
            json.value(bytes.count <= limit ? text : String(decoding: bytes.prefix(limit), as: UTF8.self))
        } else {
            json.key(text: name + "_base64")
            json.value(Data(bytes.prefix(limit)).base64EncodedString())
        }
    }

    private static func cut(_ message: String) -> String {
        message.utf8.count <= 4096 ? message : String(decoding: message.utf8.prefix(4_000), as: UTF8.self) + "…"
    }
}
