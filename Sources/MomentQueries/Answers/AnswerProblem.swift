// SPDX-License-Identifier: Apache-2.0

/// A problem with a model's answer, or with a part of it. The raw values are codes to count by: nothing of an answer is
/// dropped without one.
///
/// | code | what it means | what becomes of it |
/// |---|---|---|
/// | `refused` | the server's filter stopped the answer (`finish_reason` is `content_filter`) | the answer is unread |
/// | `truncated` | the answer reached the limit of tokens (`finish_reason` is `length`) | what was complete is kept |
/// | `too-large` | the answer is longer than `AnswerParser.bytesMax` | its beginning is read |
/// | `empty-answer` | there is no text beside what was thought aloud | – |
/// | `no-answer` | there is neither an item nor a numbered question | – |
/// | `superseded-answer` | an answer that another one follows in the same text: a draft | passed over |
/// | `schema-echo` | the schema was repeated instead of followed | passed over |
/// | `unfinished-json` | the text ends inside JSON that the server called complete | what was complete is kept |
/// | `broken-item` | an item that is no JSON, or that the text's end cut off | item dropped |
/// | `not-an-item` | a value where an item should be | value dropped |
/// | `too-deep` | a value nested too deep | value dropped |
/// | `missing-id` | an item that names no narration | item dropped |
/// | `bad-id` | ids of a wrong type | item dropped |
/// | `unknown-id` | an id that the block does not have, beside known ones or not | item dropped |
/// | `repeated-id` | an id twice in one item | counted once |
/// | `missing-query` | an item without a question | item dropped |
/// | `bad-query` | a question that is no text | item dropped |
/// | `missing-template` | an item without a template | kept; the validators judge it |
/// | `bad-template` | a template that is no text | kept without it; the validators judge it |
/// | `unknown-template` | a template that is none of the 13 | kept as it is; the validators judge it |
/// | `repeated-field` | a field twice in one item, with different values | item dropped |
/// | `extra-field` | a field that was not asked for | field dropped |
/// | `text-too-long` | a text longer than `AnswerParser.textBytesMax` | item or line dropped |
/// | `bad-text` | a control character, invalid UTF-8, or half a surrogate pair | item or line dropped |
/// | `duplicate-item` | an item that was there before, word for word | item dropped |
/// | `example-echo` | a question of the prompt's examples, word for word | item dropped; another turn is not worth it |
/// | `too-many-items` | more items than `AnswerParser.itemsPerNarrationMax` for each narration | items dropped |
/// | `line-without-id` | a question in free text that does not say which narration it is about | line dropped |
/// | `line-not-a-question` | a line with an id whose text does not end in "?" | line dropped |
/// | `ambiguous-id` | an id of several different items, or before several different lines | all those dropped |
/// | `unfinished-line` | the last line of a truncated answer | line dropped |
/// | `line-ignored` | any other line of free text | line dropped |
public enum AnswerProblem: String, CaseIterable, Hashable, Sendable {
    // Of the whole answer.
    case refused
    case truncated
    case tooLarge = "too-large"
    case emptyAnswer = "empty-answer"
    case noAnswer = "no-answer"
    case supersededAnswer = "superseded-answer"
    case schemaEcho = "schema-echo"
    case unfinishedJSON = "unfinished-json"
    // Of an item.
    case brokenItem = "broken-item"
    case notAnItem = "not-an-item"
    case tooDeep = "too-deep"
    case missingID = "missing-id"
    case badID = "bad-id"
    case unknownID = "unknown-id"
    case repeatedID = "repeated-id"
    case missingQuery = "missing-query"
    case badQuery = "bad-query"
    case missingTemplate = "missing-template"
    case badTemplate = "bad-template"
    case unknownTemplate = "unknown-template"
    case repeatedField = "repeated-field"
    case extraField = "extra-field"
    case textTooLong = "text-too-long"
    case badText = "bad-text"
    case duplicateItem = "duplicate-item"
    case exampleEcho = "example-echo"
    case tooManyItems = "too-many-items"
    // Of a line of free text.
    case lineWithoutID = "line-without-id"
    case lineNotAQuestion = "line-not-a-question"
    case ambiguousID = "ambiguous-id"
    case unfinishedLine = "unfinished-line"
    case lineIgnored = "line-ignored"
}
