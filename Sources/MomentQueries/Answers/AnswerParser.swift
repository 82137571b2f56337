// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Conversations
import Records

/// Reads the queries out of a model's text, tolerant of how it is written and strict about what it is about: a query
/// belongs to the narrations whose ids stand beside it, never to those that its place in the text suggests.
///
/// It takes, in this order:
/// 1. JSON: the list under any name, as asked; a bare list; a single item; in a code fence or in prose; several values
///    one after another; with trailing commas or without commas between items; cut off or broken in places. An item is
///    an object that has a `query` (or `question`) beside its `narration_ids` (or `narration_id`, `note_ids`, `ids`,
///    `id`), which may be one number, a list, or digits in a text.
/// 2. Where no JSON holds an item: lines of free text, each with the id of one narration in front:
///    `3. Where did I put the cup?`, `[3] (Place: Where did I put X?) Where did I put the cup?`.
///
/// A model's thoughts aloud are passed over (`Thoughts`). Of several whole answers in one text, drafts and corrections
/// of them, the last counts; where several of its items name one id, all of those are dropped. The work is linear in
/// the text, of which `bytesMax` are read, whatever is in it. `AnswerProblem` lists what may be wrong.
public enum AnswerParser {
    /// Bytes of an answer that are read. Answers are a few hundred bytes for each narration.
    public static let bytesMax = 1 << 20
    /// Bytes of one question or template name.
    public static let textBytesMax = 4_096
    /// Items that are kept for each narration of the block.
    public static let itemsPerNarrationMax = 8

    /// Reads an answer.
    /// - Parameters:
    ///   - text: the text as it came.
    ///   - finishReason: why the server says it ended: `stop`, `length`, `content_filter`, or whatever else, or
    ///     nothing. A refusal that comes in a field of its own counts as `content_filter`.
    ///   - ids: the ids that the prompt has (`PromptedBlock.ids`).
    ///   - examples: the questions of the prompt's examples (`PromptedBlock.exampleQueries`), which small models repeat
    ///     word for word; none, to keep such items.
    ///   - isThought: whether the text stood in the place of thoughts, where some servers put the answer. It is taken
    ///     for one where it ends with one, or is nothing else.
    public static func parse(
        _ text: String, finishReason: String?, ids: Range<Int>, examples: Set<String> = [], isThought: Bool = false
    ) -> ParsedAnswer {
        var reading = AnswerReading(ids: ids, examples: examples)
        reading.isThought = isThought
        // A prefix of the text's own bytes, so that a huge text is not copied.
        return self.read(
            Bytes(text.utf8.prefix(self.bytesMax)), isWhole: text.utf8.count <= self.bytesMax, finishReason, &reading)
    }

    /// Reads an answer from bytes, which may be no UTF-8.
    public static func parse(
        _ text: Bytes, finishReason: String?, ids: Range<Int>, examples: Set<String> = []
    ) -> ParsedAnswer {
        var reading = AnswerReading(ids: ids, examples: examples)
        return self.read(
            Bytes(text.prefix(self.bytesMax)), isWhole: text.count <= self.bytesMax, finishReason, &reading)
    }

    private static func read(
        _ prefix: Bytes, isWhole: Bool, _ finishReason: String?, _ reading: inout AnswerReading
    ) -> ParsedAnswer {
        if finishReason == "content_filter" {
            reading.note(.refused)
            return reading.finish()
        }
        if finishReason == "length" { reading.note(.truncated) }
        if !isWhole { reading.note(.tooLarge) }
        let text = AnswerText.spoken(prefix)
        if text.isEmpty {
            reading.note(.emptyAnswer)
            return reading.finish()
        }
        let before = reading
        if !reading.readJSON(text) { reading.readLines(text) }
        if reading.isThought, !reading.isAllAnswer {
            reading = before
            reading.note(.emptyAnswer)
        }
        return reading.finish()
    }
}
