// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

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
    /// The texts and images, in order. No two texts stand side by side, and a message without an image is one text.
    public let parts: [MessagePart]

    /// Creates a message of words.
    public init(role: Role, content: String) {
        self.role = role
        self.parts = [.text(content)]
    }

    /// Creates a message of words and images. Texts that stand side by side become one, so that there is one spelling
    /// of what is said.
    public init(role: Role, parts: [MessagePart]) {
        self.role = role
        self.parts = MessagePart.joined(parts)
    }

    /// The words spoken, without what is shown between them.
    public var content: String {
        if case .text(let text)? = self.parts.first, self.parts.count == 1 { return text }
        return self.parts.map { if case .text(let text) = $0 { text } else { "" } }.joined()
    }

    /// The images shown, in order.
    public var images: [MessageImage] {
        self.parts.compactMap { if case .image(let image) = $0 { image } else { nil } }
    }

    // MARK: JSON

    /// Writes the JSON form of records: `{"role":…,"content":…}`. The content is a text, or, with images in it, a list
    /// of `{"type":"text","text":…}` and `{"type":"image","path":…,"sha256":…}`.
    public func write(to json: inout JSONWriter) {
        self.write(to: &json) { image, json in
            json.field("type", "image")
            json.field("path", image.path)
            json.field("sha256", image.sha256)
        }
    }

    /// Writes the form that keys and hashes are made of: that of records, without the images' paths, which make no
    /// difference to what is asked.
    public func writeCanonical(to json: inout JSONWriter) {
        self.write(to: &json) { image, json in
            json.field("type", "image")
            json.field("sha256", image.sha256)
        }
    }

    /// Writes a form that differs from others in how an image is put.
    /// - Parameter writeImage: writes the fields of an image's object.
    func write<Failure>(
        to json: inout JSONWriter, writeImage: (MessageImage, inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        json.beginObject()
        json.field("role", self.role.rawValue)
        json.key("content")
        if case .text(let text)? = self.parts.first, self.parts.count == 1 {
            json.value(text)
        } else {
            json.beginArray()
            for part in self.parts {
                json.beginObject()
                switch part {
                case .text(let text):
                    json.field("type", "text")
                    json.field("text", text)
                case .image(let image): try writeImage(image, &json)
                }
                json.endObject()
            }
            json.endArray()
        }
        json.endObject()
    }

    /// Reads the JSON form of records, or the canonical one, whose images have no path.
    public init(json: inout JSONScanner) throws(JSONError) {
        var role: Role?
        var parts: [MessagePart]?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "role" {
                let place = json.offset
                role = Role(rawValue: try json.string())
                if role == nil { throw JSONError("`role` must be `system`, `user` or `assistant`", offset: place) }
            } else if key == "content" {
                parts = try MessagePart.readContent(&json)
            } else {
                try json.skip()
            }
        }
        guard let role, let parts else {
            throw JSONError("a message wants `role` and `content`", offset: json.offset)
        }
        self.init(role: role, parts: parts)
    }
}
