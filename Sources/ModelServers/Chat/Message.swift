// SPDX-License-Identifier: Apache-2.0

internal import Records

/// One message of a conversation with a model, in the chat format that all servers share.
public struct Message: Hashable, Sendable {
    /// Who speaks.
    public enum Role: String, Hashable, Sendable {
        /// The instructions.
        case system
        /// The question.
        case user
        /// The model's answer: an example in a prompt, or what is to be repaired.
        case assistant
    }

    /// Who speaks.
    public var role: Role
    /// What is said.
    public var content: String

    /// Creates a message.
    public init(_ role: Role, _ content: String) {
        self.role = role
        self.content = content
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("role", self.role.rawValue)
        json.field("content", self.content)
        json.endObject()
    }
}
