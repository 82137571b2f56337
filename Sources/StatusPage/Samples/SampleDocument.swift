// SPDX-License-Identifier: Apache-2.0

import Codecs
import Operations
import Shards
import TaskRooms

/// The page's documents about samples.
enum SampleDocument {
    /// The most bytes of a sample that are sent.
    private static let sampleBytesMax = 2 << 20
    /// The most lines of an explanation, and characters of one.
    private static let (linesMax, lineMax) = (4_000, 8_000)

    /// The result of a search.
    static func outcome(_ outcome: SampleSearch.Outcome) -> Bytes {
        var json = JSONWriter()
        json.object { json in
            json.list("hits", outcome.hits) { hit, json in
                SampleSummary((try? JSONValue(parsing: hit.bytes)) ?? .null).write(to: &json)
                json.field("set", hit.set)
                json.field("shard", hit.file)
                json.field("line", hit.line.description)
                json.field("time", Int(hit.time))
            }
            json.field("scanned", outcome.scanned)
            json.field("bytes", outcome.bytes)
            json.field("seconds", outcome.seconds)
            json.optional("stopped", outcome.stop?.rawValue)
            json.optional("at", outcome.next.map { "\($0.set), manifest offset \($0.offset), frame \($0.line.frame)" })
            json.optional("next", outcome.next?.description)
            json.texts("unreadable", outcome.unreadable.map { $0.cut(to: 500) })
        }
        return json.bytes
    }

    /// A sample that was found by its id.
    static func found(_ found: FoundSample) -> Bytes {
        var json = JSONWriter()
        json.object { json in
            json.list("hits", [found]) { found, json in
                SampleSummary((try? JSONValue(parsing: found.line)) ?? .null).write(to: &json)
                json.field("set", found.set)
                json.field("shard", found.file)
            }
            json.field("exact", true)
        }
        return json.bytes
    }

    /// A sample whole.
    static func sample(_ found: FoundSample) -> Bytes {
        let value = try? JSONValue(parsing: found.line)
        var json = JSONWriter()
        json.object { json in
            SampleSummary(value ?? .null).write(to: &json)
            json.field("set", found.set)
            json.field("shard", found.file)
            json.timeline(value.flatMap(TimelineReading.timeline))
            json.key("sample")
            if let value, found.line.count <= Self.sampleBytesMax {
                value.write(to: &json)
            } else {
                json.value(String(decoding: found.line.prefix(Self.sampleBytesMax / 8), as: UTF8.self))
            }
        }
        return json.bytes
    }

    /// An explanation, as far as people read it.
    static func explanation(_ explanation: Explanation) -> Bytes {
        var json = JSONWriter()
        json.object { json in
            json.timeline(explanation.timeline)
            // The sample itself stands above it on the page.
            json.list("parts", explanation.parts.filter { !$0.isSample }) { part, json in
                json.field("heading", part.heading)
                json.key("lines")
                json.beginArray()
                for line in part.lines.prefix(Self.linesMax) { Self.write(line, to: &json) }
                json.endArray()
            }
        }
        return json.bytes
    }

    private static func write(_ line: Explanation.Line, to json: inout JSONWriter) {
        switch line {
        case .text(let text): json.value(text.cut(to: Self.lineMax))
        case .pairs(let pairs):
            json.object { json in
                json.key("pairs")
                json.beginArray()
                for pair in pairs {
                    json.beginArray()
                    json.value(pair.name)
                    json.value(pair.value.cut(to: Self.lineMax))
                    json.endArray()
                }
                json.endArray()
            }
        }
    }
}
