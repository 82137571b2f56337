// SPDX-License-Identifier: Apache-2.0

/// The form in which a model is asked to answer.
public enum AnswerSchema {
    /// The JSON schema (2020-12) of an answer: a list of queries, each with the narrations it is about.
    public static let json: String = {
        let names = QueryTemplate.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ",")
        return """
            {"type":"array","items":{"type":"object","properties":{\
            "narration_ids":{"type":"array","items":{"type":"integer"},"minItems":1},\
            "template":{"type":"string","enum":[\(names)]},\
            "query":{"type":"string"}},\
            "required":["narration_ids","template","query"],"additionalProperties":false}}
            """
    }()
}
