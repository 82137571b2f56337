// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import Testing

/// The functions of `RecordBatch` that the codec and the reader use.
@Suite struct RecordBatchCopies {
    private func random(_ count: Int, _ generator: inout SeededGenerator) -> [Record] {
        (0..<count).map { index in
            let key: Bytes? =
                [nil, [], [1, 2], [1, 2], [UInt8(index & 0xff)]].randomElement(using: &generator) ?? nil
            let value: Bytes? =
                [nil, [], Bytes(repeating: UInt8(index & 0xff), count: index % 50)]
                .randomElement(using: &generator) ?? nil
            let headers = [Header("h", "\(Int.random(in: 0...12, using: &generator))")]
            return Record(key: key, value: value, headers: Bool.random(using: &generator) ? headers : [])
        }
    }

    @Test(arguments: 0..<50)
    func runsAreCopiedAsTheyAre(seed: Int) {
        var generator = SeededGenerator(state: UInt64(seed))
        let source = self.random(Int.random(in: 1...100, using: &generator), &generator)
        let batch = RecordBatch(source)
        var expected: [Record] = []
        var copy = RecordBatch()
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let low = Int.random(in: 0...source.count, using: &generator)
            let high = Int.random(in: low...source.count, using: &generator)
            copy.append(contentsOf: batch, low..<high)
            expected += source[low..<high]
            if let index = source.indices.randomElement(using: &generator) {
                copy.append(batch, at: index)
                expected.append(source[index])
            }
        }
        #expect((0..<copy.count).map { copy[$0] } == expected)
    }

    @Test func partsThatPointOutsideAreRefused() {
        func batch(_ entry: RecordBatch.Entry, _ lists: [[Header]] = [[]]) -> RecordBatch? {
            RecordBatch(storage: [1, 2, 3], entries: [entry], headerLists: lists)
        }
        func entry(_ key: Int, _ keys: Int, _ value: Int, _ values: Int, _ list: Int = 0) -> RecordBatch.Entry {
            RecordBatch.Entry(keyStart: key, keyCount: keys, valueStart: value, valueCount: values, headerList: list)
        }
        #expect(batch(entry(0, 1, 1, 2))?[0] == Record(key: [1], value: [2, 3]))
        #expect(batch(entry(9, -1, 9, -1))?[0] == Record(key: Bytes?.none, value: nil))
        #expect(batch(entry(3, 0, 3, 0))?[0] == Record(key: Bytes(), value: Bytes()))
        for wrong in [
            entry(0, 4, 0, 0), entry(-1, 1, 0, 0), entry(3, 1, 0, 0), entry(0, 0, 2, 2), entry(0, 0, 4, 0),
            entry(0, 0, -1, 0), entry(.max, 1, 0, 0), entry(1, .max, 0, 0), entry(0, 0, 0, 0, 1), entry(0, 0, 0, 0, -1),
        ] {
            #expect(batch(wrong) == nil, "\(wrong)")
        }
        #expect(batch(entry(0, 0, 0, 0), []) == nil)
        #expect(batch(entry(0, 0, 0, 0), [[Header("h", "1")]]) == nil)
    }
}
