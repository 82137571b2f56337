// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Records

/// A JSON value of a text that may be an answer or a part of one.
struct AnswerValue {
    /// The findings of a look into a value.
    struct Finds {
        /// Tells whether it is an item itself.
        var isItem = false
        /// Tells whether it is an item or holds one, well-formed or not.
        var hasItem = false
        /// Tells whether it holds the schema.
        var hasSchema = false
        /// Tells whether it is a list with nothing in it, or an object that holds a list of queries with nothing in it.
        var isEmptyList = false
        /// Tells whether it says by a list of queries that there is none.
        var isEmptyAnswer = false
    }

    let root: LenientJSON.Root
    let finds: Finds
    /// Tells whether it is the whole text, perhaps cut off.
    let isWhole: Bool
    /// Tells whether words stand between it and the value before.
    let isAfterWords: Bool
    /// Tells whether the value before breaks off.
    let isAfterBroken: Bool

    var isItem: Bool { self.finds.isItem }
    /// Tells whether something is to be read in it.
    var isRead: Bool { self.isWhole || self.finds.hasItem || self.finds.hasSchema }

    /// Tells whether a stretch of text has more than white space, brackets, commas, and fences with their language.
    static func hasWords(_ text: ArraySlice<UInt8>) -> Bool {
        var isOfFence = false
        for byte in text {
            if byte == UInt8(ascii: "`") || byte == UInt8(ascii: "~") {
                isOfFence = true
            } else if !isOfFence || !(UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20) {
                isOfFence = false
                guard AnswerText.isSpace(byte) || ",;[]{}".utf8.contains(byte) else { return true }
            }
        }
        return false
    }
}
