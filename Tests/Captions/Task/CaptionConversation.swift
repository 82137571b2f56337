// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records

/// Asks a model about a photo: `llm` for photos.
struct CaptionStep: ConversationStep {
    static let specification = OperatorSpecification(
        name: "llm", summary: "Has a photo put into words, and its liveliness rated, by a model.",
        fields: [ModelOptions.model, ModelOptions.temperature, ModelOptions.maxTokens] + ModelEndpoint.fields)

    private let options: ModelOptions

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.options = try ModelOptions(configuration)
    }

    func conversation(about photo: Photo) -> CaptionConversation {
        CaptionConversation(about: photo, self.options)
    }
}

/// Two rounds: the model sees the photo and says what it shows; then it reads what it said and rates that.
struct CaptionConversation: Conversation {
    private static let rating = """
        {"type":"object","properties":{"liveliness":{"type":"integer","minimum":0,"maximum":9}},\
        "required":["liveliness"],"additionalProperties":false}
        """

    private let photo: Photo
    private let options: ModelOptions
    /// The answer of the first round.
    private var text: String?
    private(set) var outcome = Outcome<Caption>()
    /// Nothing beyond what whoever asks counts.
    var counts: [String: Int] { [:] }

    init(about photo: Photo, _ options: ModelOptions) {
        self.photo = photo
        self.options = options
    }

    /// The second round, unless there is nothing to be rated.
    var callsToCome: ClosedRange<Int> { 0...(self.text == nil ? 1 : 0) }

    mutating func begin() -> Turn {
        self.ask([.text("Say in one sentence what this picture shows."), .image(self.photo.image)], schema: nil)
    }

    mutating func take(_ reply: Reply) -> Turn {
        switch reply {
        case .refused(let failure): return self.fail(failure.reason, failure.message)
        case .answer(let answer): return self.text.map { self.rate($0, by: answer) } ?? self.describe(by: answer)
        }
    }

    private mutating func describe(by answer: ChatAnswer) -> Turn {
        let words = answer.text.split(whereSeparator: \.isWhitespace)
        guard !words.isEmpty else { return self.fail("no-caption", "the model wrote nothing about the picture") }
        let text = words.joined(separator: " ")
        self.text = text
        return self.ask([.text("Rate from 0 to 9 how lively this is, as JSON: \(text)")], schema: Self.rating)
    }

    private mutating func rate(_ text: String, by answer: ChatAnswer) -> Turn {
        guard let liveliness = (try? JSONValue(parsing: answer.text.utf8))?["liveliness"]?.int,
            Caption.scale.contains(liveliness)
        else { return self.fail("no-rating", "the answer is no `liveliness` from 0 to 9: \(answer.text.prefix(200))") }
        self.outcome.outputs = [Caption(of: self.photo, text: text, liveliness: liveliness)]
        return .ends
    }

    private mutating func ask(_ parts: [MessagePart], schema: String?) -> Turn {
        do throws(JSONError) {
            return .asks([try self.options.request([ChatMessage(role: .user, parts: parts)], schema: schema)])
        } catch {
            return self.fail("bad-request", "the schema of the answer is not JSON: \(error)")
        }
    }

    private mutating func fail(_ reason: String, _ message: String) -> Turn {
        self.outcome.failure = RequestFailure(reason: reason, message: message)
        return .ends
    }
}
