// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Testing

@Suite struct ByteCountTests {
    @Test(
        "Bytes are read with and without units",
        arguments: [
            ("0", 0), ("65536", 65_536), ("1_000", 1_000), ("64MB", 64_000_000), ("64 MB", 64_000_000),
            ("64mib", 64 << 20), ("64MiB", 64 << 20), ("1.5GiB", 3 << 29), ("0.25kB", 250), ("2TB", 2_000_000_000_000),
            ("3TiB", 3 << 40), ("7B", 7),
        ])
    func read(text: String, bytes: Int) {
        #expect(ByteCount(parsing: text) == ByteCount(bytes))
        #expect(ByteCount(bytes).canonical == String(bytes))
    }

    @Test(
        "What is no number of bytes is none",
        arguments: [
            "", "MB", "-1", "+1", "64 megabytes", "1.5", "1.5B", "0.0001kB", "1..5MB", "1.MB", ".5MB", "1e6", "64M",
            "٣MB",
            "99999999999999999999", "9999999999TB", "1.9999999MB", "64MBMB", "0x10", " 1", "1 ",
        ])
    func refused(text: String) {
        #expect(ByteCount(parsing: text) == nil)
    }
}
