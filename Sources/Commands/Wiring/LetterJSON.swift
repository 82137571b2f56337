// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Operations
import Records

/// Letters as JSON objects.
extension KeptLetter {
    /// Writes what a list shows.
    func writeHead(to json: inout JSONWriter, state: RetryStanding.State? = nil) {
        json.field("id", self.id.description)
        json.field("topic", self.id.partition.topic)
        json.field("partition", self.id.partition.partition)
        json.field("offset", Int(clamping: self.id.offset))
        json.field("timestamp", Int(clamping: self.time))
        json.field("topology", self.topology)
        json.field("stage", self.stage)
        json.field("step", self.step)
        json.field("kind", self.kind)
        json.field("reason", self.reason)
        json.field("message", self.message)
        if let source {
            json.key("source")
            json.beginObject()
            json.field("topic", source.topic)
            json.field("partition", source.partition)
            if let sourceOffset { json.field("offset", Int(clamping: sourceOffset)) }
            json.endObject()
        }
        json.field("value_bytes", self.valueBytes)
        json.field("truncated", self.isTruncated)
        if self.attempt > 0 { json.field("attempt", self.attempt) }
        if let retryOf { json.field("retry_of", retryOf) }
        if let retry { json.field("retry", retry.rawValue) }
        if let state { json.field("state", state.rawValue) }
    }

    /// Writes everything, the record included.
    func writeWhole(to json: inout JSONWriter, state: RetryStanding.State? = nil) {
        self.writeHead(to: &json, state: state)
        json.key("key")
        Self.write(self.key, to: &json)
        json.key("headers")
        json.beginArray()
        for header in self.headers {
            json.beginObject()
            json.field("name", header.name)
            json.key("value")
            Self.write(header.value, to: &json)
            json.endObject()
        }
        json.endArray()
        json.key("value")
        Self.write(self.value, to: &json)
        if let judged, let value = try? JSONValue(parsing: judged) {
            json.key("judged")
            value.write(to: &json)
        }
    }

    /// JSON as JSON, text as text, anything else in base 64; nothing as null.
    private static func write(_ bytes: Bytes?, to json: inout JSONWriter) {
        guard let bytes else { return json.null() }
        if let tree = try? JSONValue(parsing: bytes) {
            tree.write(to: &json)
        } else if let text = String(validating: bytes, as: UTF8.self) {
            json.value(text)
        } else {
            json.value("base64:" + Data(bytes).base64EncodedString())
        }
    }
}
