// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// The ids that operators give: UUIDv5 of a JSON array that says what is identified, so that anybody can derive them
/// and no two different things share a name.
public enum DerivedID {
    /// A block: `["block", video, pass, clip, [index, text, start, end], …]`; where windows cover other narrations,
    /// their texts follow the end.
    static func block(videoUID: String, pass: Int, clipUID: String, narrations: [Narration]) -> String {
        var json = JSONWriter()
        json.beginArray()
        json.value("block")
        json.value(videoUID)
        json.value(pass)
        json.value(clipUID)
        for narration in narrations {
            json.beginArray()
            json.value(narration.index)
            json.value(narration.text)
            if let window = narration.window {
                json.value(window.start)
                json.value(window.end)
            }
            for text in narration.covered ?? [] { json.value(text) }
            json.endArray()
        }
        json.endArray()
        return self.uuid(json)
    }

    /// The id of what a JSON array identifies.
    public static func uuid(_ json: borrowing JSONWriter) -> String {
        json.withBytes { ContentHash.uuid5(UnsafeRawBufferPointer($0)) }
    }
}
