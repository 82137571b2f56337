// SPDX-License-Identifier: Apache-2.0

import Codecs
import Fuzzing
import Operations
import Records
import Testing

@Suite("Letters as they lie in the log")
struct KeptLetterTests {
    private static let id = LetterID(TopicPartition("t.dead-letters", 1), 7)

    private static func read(_ value: String?, _ detail: KeptLetter.Detail = .whole) -> KeptLetter {
        KeptLetter(Record(key: "k", value: value), id: self.id, time: 5, detail)
    }

    private static let whole = #"""
        {"topology":"t","stage":"s","step":"llm","kind":"dead","reason":"too-long","message":"the prompt",
        "topic":"blocks","partition":1,"offset":42,"key":"v1","value":"{\"a\":1}","value_bytes":7,
        "headers":[{"name":"schema","value":"block/1"},{"name":"x","value_base64":"/w=="}],
        "verdict_on":{"q":[1]},"truncated":false,"retry":"partial","attempt":2,"retry_of":"t.dead-letters/1/3@4"}
        """#

    @Test("everything that was written is read")
    func whole() {
        let letter = Self.read(Self.whole)
        #expect(letter.problem == nil)
        #expect([letter.topology, letter.stage, letter.step] == ["t", "s", "llm"])
        #expect([letter.kind, letter.reason] == ["dead", "too-long"])
        #expect(letter.message == "the prompt")
        #expect(letter.source == TopicPartition("blocks", 1))
        #expect(letter.sourceOffset == 42)
        #expect(letter.key == Bytes("v1".utf8))
        #expect(letter.value == Bytes(#"{"a":1}"#.utf8))
        #expect(letter.headers == [Header("schema", "block/1"), Header("x", [0xff])])
        #expect(letter.judged == Bytes(#"{"q":[1]}"#.utf8))
        #expect(letter.retry == .partial)
        #expect(letter.attempt == 2)
        #expect(letter.retryOf == "t.dead-letters/1/3@4")
        #expect(letter.valueBytes == 7)
    }

    @Test("a letter of an earlier program says nothing of retries, and is read")
    func former() {
        let letter = Self.read(#"{"reason":"r","key":null,"value":null,"headers":[],"truncated":true}"#)
        #expect(letter.problem == nil)
        #expect(letter.retry == nil)
        #expect(letter.attempt == 0)
        #expect(letter.isTruncated)
        #expect(letter.key == nil)
        #expect(letter.value == nil)
    }

    @Test("what cannot be read is a letter with the fault as its message")
    func unreadable() {
        let deep = String(repeating: "[", count: 100_000)
        for value in [nil, "", "{", "[]", "7", "{}", #"{"reason":7}"#, "\u{1b}]0;x\u{7}", deep] {
            let letter = Self.read(value)
            #expect(letter.problem != nil, "\(value ?? "nil")")
            #expect(letter.reason == KeptLetter.unreadable)
            #expect(letter.value == value.map { Bytes($0.utf8) })
        }
    }

    @Test("fields of other types are passed over, and long ones cut")
    func hostile() {
        let letter = Self.read(
            #"{"reason":"\#(String(repeating: "e\u{301}", count: 5_000))","stage":[],"partition":1e300,"offset":-1,"#
                + #""headers":[1,{"name":2},{"value":"v"}],"value":{},"key_base64":"%%","truncated":"yes","topic":{"a":"b"}}"#
        )
        #expect(letter.problem == nil)
        #expect(letter.reason.unicodeScalars.count == 200)
        #expect(letter.stage.isEmpty)
        #expect(letter.source == nil)
        #expect(letter.sourceOffset == nil)
        #expect(letter.value == nil)
        #expect(letter.key == nil)
        #expect(!letter.isTruncated)
    }

    @Test("equal records have equal digests, others have not")
    func digests() {
        let plain = Self.read(Self.whole, .identity)
        #expect(plain.digest != nil)
        #expect(Self.read(Self.whole.replacing("too-long", with: "x"), .identity).digest == plain.digest)
        #expect(Self.read(Self.whole.replacing("v1", with: "v2"), .identity).digest != plain.digest)
    }

    @Test("no bytes end the program")
    func fuzz() throws {
        for input in Fuzz("kept-letters", seeds: [Self.whole], tokens: .json) {
            for detail in [KeptLetter.Detail.head, .identity, .whole] {
                let letter = KeptLetter(Record(key: nil, value: input.bytes), id: Self.id, time: 0, detail)
                try #require(letter.reason.isEmpty == false && (letter.problem == nil || !input.isSeed), "\(input)")
            }
        }
    }

    @Test("names of letters are read back")
    func names() {
        let topics = [(name: "t.dead-letters", partitions: 2), (name: "t", partitions: 4), (name: "q", partitions: 1)]
        #expect(Self.id.description == "t/1/7")
        #expect(LetterID(parsing: "t/1/7", among: topics) == Self.id)
        #expect(LetterID(parsing: "q/0/3", among: topics)?.description == "q/0/3")
        #expect(LetterID(parsing: "t.dead-letters/1/7", among: topics) == Self.id)
        for text in ["", "t", "t/1", "t/2/7", "t/-1/7", "t/1/-7", "x/0/0", "t/1/7/", "//", "t/1/99999999999999999999"] {
            #expect(LetterID(parsing: text, among: topics) == nil, "\(text)")
        }
    }
}
