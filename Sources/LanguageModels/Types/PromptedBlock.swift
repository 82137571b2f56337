// SPDX-License-Identifier: Apache-2.0

public import Dataflow
public import Narrations
public import Records

/// One message of a conversation with a model, in the chat format that all servers share.
public struct ChatMessage: Hashable, Sendable {
    /// Who speaks.
    public enum Role: String, Hashable, Sendable {
        /// The instructions.
        case system
        /// The question.
        case user
        /// The model's answer: an example in a prompt.
        case assistant
    }

    /// Who speaks.
    public var role: Role
    /// What is said.
    public var content: String

    /// Creates a message.
    public init(role: Role, content: String) {
        self.role = role
        self.content = content
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("role", self.role.rawValue)
        json.field("content", self.content)
        json.endObject()
    }

    init(json: inout JSONScanner) throws(JSONError) {
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

/// A block with the messages that ask a model about it.
public struct PromptedBlock: Hashable, Sendable {
    /// The block.
    public var block: Block
    /// What the model is told.
    public var messages: [ChatMessage]
    /// SHA-256 of the messages' JSON form, in hexadecimal.
    public var promptHash: String

    /// Creates a prompted block and names it by its messages.
    public init(block: Block, messages: [ChatMessage]) {
        self.init(block: block, messages: messages, promptHash: Self.hash(of: messages))
    }

    private init(block: Block, messages: [ChatMessage], promptHash: String) {
        self.block = block
        self.messages = messages
        self.promptHash = promptHash
    }

    /// The hash of some messages: SHA-256 of the array of `{"role":…,"content":…}`, without white space.
    public static func hash(of messages: [ChatMessage]) -> String {
        var json = JSONWriter()
        self.write(messages, to: &json)
        return ContentHash.sha256(json.bytes)
    }

    private static func write(_ messages: [ChatMessage], to json: inout JSONWriter) {
        json.beginArray()
        for message in messages { message.write(to: &json) }
        json.endArray()
    }
}

extension PromptedBlock: StreamValue {
    /// The name in topologies and headers.
    public static var typeName: String { "prompt" }
    /// The version of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.key("block")
        self.block.write(to: &json)
        json.key("messages")
        Self.write(self.messages, to: &json)
        json.field("prompt", self.promptHash)
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var block: Block?
        var messages: [ChatMessage] = []
        var hash: String?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "block" {
                block = try Block(json: &json)
            } else if key == "messages" {
                try json.beginArray()
                while try json.nextElement() { messages.append(try ChatMessage(json: &json)) }
            } else if key == "prompt" {
                hash = try json.string()
            } else {
                try json.skip()
            }
        }
        guard let block, let hash, !messages.isEmpty else {
            throw JSONError("a prompt wants `block`, `messages` and `prompt`", offset: json.offset)
        }
        self.init(block: block, messages: messages, promptHash: hash)
    }
}
