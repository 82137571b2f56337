// SPDX-License-Identifier: Apache-2.0

public import Codecs
internal import Records

/// One message of a conversation with a model, in the chat format that all servers share.
public struct ChatMessage: Hashable, Sendable {
    /// The speaker of a message.
    public enum Role: String, Hashable, Sendable {
        /// The instructions.
        case system
        /// The question.
        case user
        /// The model's answer: an example in a prompt, or what is to be repaired.
        case assistant
    }

    /// The speaker.
    public var role: Role
    /// The words spoken.
    public var content: String

    /// Creates a message.
    public init(role: Role, content: String) {
        self.role = role
        self.content = content
    }

    /// Writes the JSON form: `{"role":…,"content":…}`.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("role", self.role.rawValue)
        json.field("content", self.content)
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var role: Role?
        var content: String?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "role" {
                let place = json.offset
                role = Role(rawValue: try json.string())
                if role == nil { throw JSONError("`role` must be `system`, `user` or `assistant`", offset: place) }
            } else if key == "content" {
                content = try json.string()
            } else {
                try json.skip()
            }
        }
        guard let role, let content else {
            throw JSONError("a message wants `role` and `content`", offset: json.offset)
        }
        self.init(role: role, content: content)
    }
}
