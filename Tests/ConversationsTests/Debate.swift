// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records

/// A text, as a record.
struct Note: StreamValue, Hashable {
    static let typeName = "note"
    static let schemaVersion = 1
    var text: String

    init(_ text: String) { self.text = text }

    init(json: inout JSONScanner) throws(JSONError) {
        self.text = ""
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "text" { self.text = try json.string() } else { try json.skip() }
        }
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("text", self.text)
        json.endObject()
    }
}

/// A conversation with several open requests and several rounds: four voices speak, each may be asked back twice, and
/// in the end all that was said is summed up. What is asked depends on what was said before.
struct Debate: Conversation {
    let topic: String
    /// The number of voices that are asked at once.
    var voices = 4
    private(set) var said: [String] = []
    /// The keys of the requests that it has asked, in order.
    private(set) var asked: [String] = []
    private(set) var counts: [String: Int] = [:]
    private(set) var outcome = Outcome<Note>()
    private var open = 0
    private var rounds = 0
    private var isSummedUp = false

    init(_ topic: String, voices: Int = 4) {
        self.topic = topic
        self.voices = voices
    }

    var callsToCome: ClosedRange<Int> {
        self.isSummedUp ? 0...0 : 1...1 + 2 * max(0, 6 - self.rounds)
    }

    mutating func begin() -> Turn { self.ask((0..<self.voices).map { "\(self.topic): voice \($0)" }) }

    mutating func take(_ reply: Reply) -> Turn {
        self.open -= 1
        switch reply {
        case .refused(let failure):
            self.counts["refused", default: 0] += 1
            self.said.append("(\(failure.reason))")
            self.outcome.rejects.append(.init(Note(failure.message), reason: failure.reason, message: "refused"))
        case .answer(let answer):
            self.said.append(answer.text)
            if self.isSummedUp {
                self.outcome.outputs = self.said.map { Note($0) }
                return .ends
            }
            if answer.text.hasSuffix("stop") {
                self.outcome.failure = RequestFailure(reason: "stopped", message: answer.text)
                return .ends
            }
            if answer.text.hasSuffix("more"), self.rounds < 6 {
                self.rounds += 1
                self.counts["asked-back", default: 0] += 1
                return self.ask(["why", "how"].map { "\($0)? \(self.said.joined(separator: "|"))" })
            }
        }
        guard self.open == 0 else { return .asks([]) }
        if self.isSummedUp {
            self.outcome.failure = RequestFailure(reason: "no-sum", message: "the sum was refused")
            return .ends
        }
        self.isSummedUp = true
        return self.ask(["sum: \(self.said.joined(separator: "|"))"])
    }

    private mutating func ask(_ texts: [String]) -> Turn {
        let requests = texts.map(Self.request)
        self.open += requests.count
        self.asked += requests.map(\.key)
        return .asks(requests)
    }

    static func request(_ text: String) -> ChatRequest {
        do throws(JSONError) {
            return try ChatRequest(model: "m", messages: [ChatMessage(role: .user, content: text)])
        } catch {
            preconditionFailure("there is no schema: \(error)")
        }
    }
}

extension ChatAnswer {
    /// A complete answer of a text.
    static func saying(_ text: String, finish: String = "stop") -> ChatAnswer {
        var json = JSONWriter()
        json.beginObject()
        json.key("choices")
        json.beginArray()
        json.beginObject()
        json.key("message")
        ChatMessage(role: .assistant, content: text).write(to: &json)
        json.field("finish_reason", finish)
        json.endObject()
        json.endArray()
        json.endObject()
        do throws(BadAnswer) {
            return try ChatAnswer(parsing: json.bytes)
        } catch {
            preconditionFailure("it is one: \(error)")
        }
    }
}

/// A model that answers by the request alone: in words that ask for more, end it, or neither; or refuses.
enum Oracle {
    enum Say {
        case answer(String)
        case refusal
        /// Nothing that follows from the request: a deadline.
        case failure
    }

    static func say(to request: ChatRequest, failing: Bool = false) -> Say {
        let digit =
            request.key.unicodeScalars.first?.properties.numericType == nil ? 9 : Int(request.key.prefix(1)) ?? 9
        switch digit {
        case 0: return .refusal
        case 1, 2, 3: return .answer("\(request.key.prefix(6)) more")
        case 4 where request.key.hasSuffix("0"): return .answer("\(request.key.prefix(6)) stop")
        case 5 where failing: return .failure
        default: return .answer("\(request.key.prefix(6)) enough")
        }
    }
}
