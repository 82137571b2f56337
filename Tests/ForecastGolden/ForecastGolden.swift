// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// Values of the official code for long-term anticipation, in `MILLRACE_GOLDEN_LTA` or beside this file.
public enum ForecastGolden {
    /// The folder that is read.
    public static let folder =
        ProcessInfo.processInfo.environment["MILLRACE_GOLDEN_LTA"].map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    /// A kind of file, which a suite of its own checks.
    public struct Kind: Sendable {
        /// The beginning of the files' names.
        public let prefix: String
        /// The suite that checks every one of them.
        public let suite: String
    }

    /// The kinds. A file belongs to the first whose prefix its name begins with; one of no kind fails a test, so that
    /// none is passed over in silence.
    public static let kinds = [
        Kind(prefix: "lta_metric", suite: "MetricGoldenTests"),
        Kind(prefix: "lta_samples", suite: "WindowGoldenTests"),
        Kind(prefix: "lta_transform", suite: "TransformGoldenTests"),
        Kind(prefix: "lta_misc", suite: "ScheduleGoldenTests"),
        Kind(prefix: "lta_head_", suite: "HeadGoldenTests"),
        Kind(prefix: "recognition_head_", suite: "RecognitionGoldenTests"),
        Kind(prefix: "lta_mvit_", suite: "FullModelGoldenTests"),
        Kind(prefix: "lta_memvit_", suite: "FullModelGoldenTests"),
        Kind(prefix: "mvit_", suite: "EncoderGoldenTests"),
        Kind(prefix: "memvit_", suite: "MemoryGoldenTests"),
    ]

    /// The names of a kind's JSON files, without their ending.
    public static func cases(_ prefix: String) throws -> [String] {
        try self.names().filter { self.kind(of: $0)?.prefix == prefix }
    }

    /// The names of all JSON files, without their ending.
    public static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.folder.path)
            .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    /// The kind of a file.
    public static func kind(of name: String) -> Kind? { self.kinds.first { name.hasPrefix($0.prefix) } }

    /// The content of a JSON file.
    public static func json(_ name: String) throws -> Data {
        try Data(contentsOf: self.folder.appending(path: name + ".json"))
    }

    /// The path of the tensors beside a JSON file.
    public static func tensors(_ name: String) -> String { self.folder.appending(path: name + ".safetensors").path }
}
