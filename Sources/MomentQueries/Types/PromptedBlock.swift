// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
public import ModelRequests
import Records
public import VideoAnnotations

/// A block with the messages that ask a model about it.
///
/// The messages call the block's narrations 1, 2, … in their order, whatever their indices in the video's pass are.
/// `answer(from:answerHash:)` leads back from these ids to the indices.
public struct PromptedBlock: Hashable, Sendable {
    /// The block.
    public var block: Block {
        get { self.reading.block }
        set { self.reading = BlockReading(newValue) }
    }
    /// The block with its narrations read.
    private(set) var reading: BlockReading
    /// The messages to the model.
    public var messages: [ChatMessage]
    /// The templates that an answer may name, where the prompt asks for some; `nil`, and not written, for all.
    public var templates: [QueryTemplate]?
    /// SHA-256 of the messages' JSON form, in hexadecimal.
    public var promptHash: String

    /// Creates a prompted block and names it by its messages.
    public init(block: Block, messages: [ChatMessage]) {
        self.init(reading: BlockReading(block), messages: messages)
    }

    /// Creates a prompted block of one that has been read.
    init(reading: BlockReading, messages: [ChatMessage]) {
        self.init(reading: reading, messages: messages, promptHash: Self.hash(of: messages))
    }

    private init(reading: BlockReading, messages: [ChatMessage], promptHash: String) {
        self.reading = reading
        self.messages = messages
        self.promptHash = promptHash
    }

    /// The ids that the messages have for the narrations: 1…n, as a half-open range, since a block may be empty.
    public var ids: Range<Int> { Self.ids(of: self.block) }

    static func ids(of block: Block) -> Range<Int> { 1..<block.narrations.count + 1 }

    /// The index in its pass of the narration that has an id in the messages; `nil` where none has it.
    public func narrationIndex(ofID id: Int) -> Int? {
        self.ids.contains(id) ? self.block.narrations[id - 1].index : nil
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
    /// The version of the JSON form. In version 1 the messages had the narrations' indices for ids.
    public static var schemaVersion: Int { 2 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.key("block")
        self.block.write(to: &json)
        json.key("messages")
        Self.write(self.messages, to: &json)
        json.field("prompt", self.promptHash)
        json.field("ids", self.ids.count)
        if let templates {
            json.key("templates")
            json.beginArray()
            for template in templates { json.value(template.rawValue) }
            json.endArray()
        }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var block: Block?
        var messages: [ChatMessage] = []
        var hash: String?
        var ids: Int?
        var templates: [QueryTemplate]?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "block" {
                block = try Block(json: &json)
            } else if key == "ids" {
                ids = try json.int()
            } else if key == "messages" {
                try json.beginArray()
                while try json.nextElement() { messages.append(try ChatMessage(json: &json)) }
            } else if key == "templates" {
                templates = try Self.templates(&json)
            } else if key == "prompt" {
                hash = try json.string()
            } else {
                try json.skip()
            }
        }
        guard let block, let hash, !messages.isEmpty else {
            throw JSONError("a prompt wants `block`, `messages` and `prompt`", offset: json.offset)
        }
        // Read as ids, the indices of version 1 would lead to other narrations.
        guard ids == block.narrations.count else {
            throw JSONError(
                "the prompt does not number the block's narrations from 1 (`ids` is missing or not their count); have "
                    + "it written anew by the `prompt` step", offset: json.offset)
        }
        self.init(reading: BlockReading(block), messages: messages, promptHash: hash)
        self.templates = templates
    }

    private static func templates(_ json: inout JSONScanner) throws(JSONError) -> [QueryTemplate] {
        var templates: [QueryTemplate] = []
        try json.beginArray()
        while try json.nextElement() {
            let name = try json.string()
            guard let template = QueryTemplate(named: name) else {
                throw JSONError("there is no template \"\(name)\"", offset: json.offset)
            }
            templates.append(template)
        }
        return templates
    }
}
