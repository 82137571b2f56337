// SPDX-License-Identifier: Apache-2.0

import Operations
import Records
import Testing

@Suite("Times of --since")
struct SinceTimeTests {
    private static let now: Timestamp = 1_790_000_000_000

    @Test(
        "so long ago",
        arguments: [("0s", 0), ("90s", 90), ("30m", 1_800), ("2h", 7_200), ("3d", 259_200), ("2w", 1_209_600)])
    func ago(text: String, seconds: Int64) {
        #expect(SinceTime.parse(text, now: Self.now) == Self.now - seconds * 1000)
    }

    @Test(
        "a time",
        arguments: ["2026-11-01", "2026-11-01T00:00", "2026-11-01T00:00:00", "2026-11-01T00:00:00Z"])
    func time(text: String) { #expect(SinceTime.parse(text, now: Self.now) == 1_793_491_200_000) }

    @Test(
        "nothing else is one",
        arguments: [
            "", "h", "-2h", "2", "2y", "٣d", "1.5h", "+2h", "99999999999999999999d", "9223372036854775807w",
            "yesterday",
            "2026-13-01", "2026-11-01T25:00:00Z", "0000-00-00", String(repeating: "9", count: 4_000),
        ])
    func refused(text: String) { #expect(SinceTime.parse(text, now: Self.now) == nil) }
}
