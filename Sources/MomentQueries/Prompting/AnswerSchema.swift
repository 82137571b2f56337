// SPDX-License-Identifier: Apache-2.0

public import Dataflow

/// The form in which a model is asked to answer: `{"queries":[{"narration_ids":[1],"template":"…","query":"…?"}]}`.
///
/// The root is an object, every property is required and no other is allowed, because OpenAI's strict mode insists on
/// it; llama.cpp and vLLM take the same. Ids are an `enum`, which all of them enforce, where bounds of numbers are left
/// out by some. Properties are written in the schema's order: the ids first, so that the rest is about them.
///
/// The schema depends on the block through the number of its narrations alone, and its text is always the same for
/// it, so equal requests are equal byte for byte.
public struct AnswerSchema: Hashable, Sendable {
    /// The strictness with which the schema holds a query to the form of a question. Big models need no help; those
    /// under a billion parameters repeat the narrations unless they are held.
    public enum QueryForm: String, Choice {
        /// Any text.
        case free
        /// A capital letter, 4 to 20 words, a question mark.
        case sentence
        /// The same, and the first word is one that human queries begin with.
        case question

        /// The regular expression of the form, `^…$`: servers that turn it into a grammar want both ends. It is plain
        /// ASCII without backslashes, which all of them read alike, and repeats by count, which llama.cpp is quick at.
        var pattern: String? {
            let rest = "(,? [A-Za-z0-9'/-]+){3,19}[?]$"
            switch self {
            case .free: return nil
            case .sentence: return "^[A-Z][A-Za-z']*" + rest
            case .question: return "^(" + Self.openings.joined(separator: "|") + ")" + rest
            }
        }

        /// The first words of the 13 templates' human queries, in the templates' order.
        private static let openings: [String] = {
            var words: [String] = []
            for word in QueryTemplate.allCases.flatMap(\.firstWords) {
                let opening = word.prefix(1).uppercased() + word.dropFirst()
                if !words.contains(opening) { words.append(opening) }
            }
            return words
        }()
    }

    /// The strictness with which a query is held to the form of a question.
    public var queryForm: QueryForm
    /// Tells whether lists are bounded (`minItems`, `maxItems`): an item for each narration at most, and an id in each
    /// item. It keeps small models from going on for ever; a server that refuses the keywords needs it off.
    public var boundsLists: Bool

    /// Creates a schema.
    public init(queryForm: QueryForm = .free, boundsLists: Bool = true) {
        self.queryForm = queryForm
        self.boundsLists = boundsLists
    }

    /// The JSON schema for a prompt with some ids, without white space.
    /// - Parameters:
    ///   - ids: the prompt's ids (`PromptedBlock.ids`); where there are none, the list of queries has no room.
    ///   - templates: those that may be named; `nil` for all.
    public func json(ids: Range<Int>, templates: [QueryTemplate]? = nil) -> String {
        let list = ids.isEmpty ? "" : ",\"enum\":[\(ids.map(String.init).joined(separator: ","))]"
        let pattern = self.queryForm.pattern.map { ",\"pattern\":\"\($0)\"" } ?? ""
        return Self.text(
            id: "{\"type\":\"integer\"\(list)}", query: "{\"type\":\"string\"\(pattern)}",
            idBounds: self.boundsLists && !ids.isEmpty ? ",\"minItems\":1,\"maxItems\":\(ids.count)" : "",
            itemBounds: self.boundsLists ? ",\"maxItems\":\(ids.count)" : "",
            templates: templates ?? QueryTemplate.allCases)
    }

    /// The schema as prompts show it: one text for all blocks, so that a server can keep the state of what precedes the
    /// narrations.
    public static let promptText = Self.text(
        id: "{\"type\":\"integer\"}", query: "{\"type\":\"string\"}", idBounds: ",\"minItems\":1", itemBounds: "",
        templates: QueryTemplate.allCases)

    private static func text(
        id: String, query: String, idBounds: String, itemBounds: String, templates: [QueryTemplate]
    ) -> String {
        let names = templates.map { "\"\($0.rawValue)\"" }.joined(separator: ",")
        return """
            {"type":"object","properties":{"queries":{"type":"array","items":{"type":"object","properties":{\
            "narration_ids":{"type":"array","items":\(id)\(idBounds)},\
            "template":{"type":"string","enum":[\(names)]},\
            "query":\(query)},\
            "required":["narration_ids","template","query"],"additionalProperties":false}\(itemBounds)}},\
            "required":["queries"],"additionalProperties":false}
            """
    }
}
