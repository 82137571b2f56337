// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// Values of the official code for action frames, in `MILLRACE_GOLDEN_LEGO` or beside this file.
public enum FrameGolden {
    /// The folder that is read.
    public static let folder =
        ProcessInfo.processInfo.environment["MILLRACE_GOLDEN_LEGO"].map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    /// The beginnings of the names of files, and the suites that check every one of them.
    public static let kinds = [
        "metrics": "PixelGoldenTests", "fid": "FrechetGoldenTests", "image": "ImageGoldenTests",
        "chunks": "ChunkGoldenTests",
    ]

    /// The beginnings of the names of files that the tests of the network that makes frames check: they lie in the same
    /// folder where the variable names one.
    public static let othersKinds = [
        "ops", "unet", "vae", "clip_text", "schedule", "sampler", "conditioning", "ldm_step", "generate",
    ]

    /// The names of a kind's JSON files, without their ending.
    public static func cases(_ kind: String) throws -> [String] { try self.names().filter { $0.hasPrefix(kind) } }

    /// The names of all JSON files, without their ending.
    public static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.folder.path)
            .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    /// The content of a JSON file.
    public static func json(_ name: String) throws -> Data {
        try Data(contentsOf: self.folder.appending(path: name + ".json"))
    }

    /// The path of the tensors beside a JSON file.
    public static func tensors(_ name: String) -> String { self.folder.appending(path: name + ".safetensors").path }
}
