// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A folder with a sample world and a home, and the executable to work on them, as a user at a shell has them.
final class Workbench {
    let folder: TestFolder
    /// The home that every command works on, by `MILLRACE_HOME`.
    var home: String

    /// Prepares an empty folder.
    init() throws {
        self.folder = try TestFolder()
        self.home = self.folder.file("home").path
    }

    /// Prepares a folder with a sample world in `world`.
    convenience init(videos: Int, features: Bool = false) throws {
        try self.init()
        try self.succeed(
            "sample", "--output", "world", "--videos", "\(videos)", features ? "--features" : "--no-features")
    }

    /// The path of a shipped topology.
    static func topology(_ name: String) -> String {
        MillraceProcess.packageFolder.appendingPathComponent("topologies/\(name).yaml").path
    }

    /// The options that ingest the sample world.
    static let ingestWorld = [
        "ingest", "ego4d", "--narrations", "world/narration.json", "--metadata", "world/ego4d.json",
        "--exclude", "world/nlq_val.json", "--exclude", "world/nlq_test_unannotated.json",
    ]

    /// Runs a command to its end, in the folder and on the home.
    func millrace(_ arguments: [String], environment: [String: String] = [:]) throws -> ProcessResult {
        let variables = ["MILLRACE_HOME": self.home].merging(environment) { _, new in new }
        return try MillraceProcess(arguments, environment: variables, in: self.folder.url).wait()
    }

    /// Runs a command that must succeed.
    @discardableResult
    func succeed(
        _ arguments: String..., environment: [String: String] = [:], at place: SourceLocation = #_sourceLocation
    ) throws -> ProcessResult {
        try self.expect(0, arguments, environment: environment, at: place)
    }

    /// Runs a command that must fail.
    /// - Parameter code: the exit code it must end with.
    @discardableResult
    func fail(
        _ code: Int32, _ arguments: String..., environment: [String: String] = [:],
        at place: SourceLocation = #_sourceLocation
    ) throws -> ProcessResult {
        let result = try self.expect(code, arguments, environment: environment, at: place)
        #expect(!result.errorText.isEmpty, "a failure says why: \(result.story)", sourceLocation: place)
        return result
    }

    /// Runs a command that must end with an exit code, by itself and not by a signal.
    @discardableResult
    func expect(
        _ code: Int32, _ arguments: [String], environment: [String: String] = [:],
        at place: SourceLocation = #_sourceLocation
    ) throws -> ProcessResult {
        let result = try self.millrace(arguments, environment: environment)
        #expect(result.end == .exit(code), "\(result.story)", sourceLocation: place)
        return result
    }

    /// Runs a topology to the end of its input.
    @discardableResult
    func run(_ topology: String, at place: SourceLocation = #_sourceLocation) throws -> ProcessResult {
        try self.expect(0, ["run", topology, "--until-idle"], at: place)
    }

    /// The records of a topic, as `topics read --json` prints them.
    func records(_ topic: String, _ options: String...) throws -> [JSONTree] {
        try self.expect(0, ["topics", "read", topic, "--json"] + options).outputLines.map(JSONTree.init)
    }

    /// A set's samples, one a line.
    func samples(_ set: String) throws -> [String] { try self.succeed("shards", "cat", set).outputLines }

    /// The folder of a set's shards.
    func shardFolder(_ set: String) -> URL { URL(fileURLWithPath: self.home).appendingPathComponent("shards/\(set)") }

    /// The files in the folder of a set's shards, by name, without the lists of those that are committed.
    func shardFiles(_ set: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.shardFolder(set).path)
            .filter { !ManifestFiles.isOne($0) }.sorted()
    }

    /// Reads a JSON file in the folder.
    func json(_ name: String) throws -> JSONTree { try JSONTree(Data(contentsOf: self.folder.file(name))) }
}

extension ProcessResult {
    /// The text on standard error without the time that stands before each line.
    var untimedErrors: String { self.errorText.replacing(#/(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z /#, with: "") }

    /// Expects words in the text on standard error.
    func says(_ words: String..., at place: SourceLocation = #_sourceLocation) {
        for word in words {
            #expect(self.errorText.contains(word), "`\(word)` is missing: \(self.story)", sourceLocation: place)
        }
    }

    /// Expects words in the results.
    func prints(_ words: String..., at place: SourceLocation = #_sourceLocation) {
        for word in words {
            #expect(
                self.outputText.contains(word), "`\(word)` is missing in:\n\(self.outputText)", sourceLocation: place)
        }
    }
}

extension String {
    /// The summary of a run as JSON, without what this run alone did of it.
    var withoutThisRun: String { self.replacing(#/,"this_run":\{[^{}]*\{[^{}]*\}[^{}]*\}/#, with: "") }
}

/// The lists of committed shards that lie beside them, one a partition.
enum ManifestFiles {
    /// Tells whether a file has the name of one.
    static func isOne(_ file: String) -> Bool { file.wholeMatch(of: /manifest-[0-9]+\.jsonl/) != nil }

    /// The files that those of a folder name, partition after partition.
    static func listed(in folder: URL) throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter(Self.isOne)
        let order = { (name: String) in Int(name.split(whereSeparator: "-.".contains)[1]) ?? -1 }
        return try names.sorted { order($0) < order($1) }.flatMap { name in
            try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8).split(separator: "\n")
                .dropFirst().map { try JSONTree(String($0))["file"].string ?? "no file" }
        }
    }
}

/// Parsed JSON; a value that is not there is `nil`.
struct JSONTree {
    private let content: Any?

    init(_ data: Data) throws {
        self.content = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
    }
    init(_ text: String) throws { try self.init(Data(text.utf8)) }
    private init(content: Any?) { self.content = content }

    subscript(_ key: String) -> JSONTree { JSONTree(content: (self.content as? [String: Any])?[key]) }
    var keys: Set<String> { Set((self.content as? [String: Any] ?? [:]).keys) }
    var array: [JSONTree] { (self.content as? [Any] ?? []).map { JSONTree(content: $0) } }
    var string: String? { self.content as? String }
    var double: Double? { (self.content as? NSNumber)?.doubleValue }
    var int: Int? { (self.content as? NSNumber)?.intValue }
    var bool: Bool? { (self.content as? NSNumber)?.boolValue }
}

/// A file system of a few pages in memory, to be filled up or made read-only. Only root may have one.
final class SmallDisk {
    let path: String
    // Held so that the folder is removed after the file system in it is gone.
    private let folder: TestFolder

    /// Mounts one in a test's folder.
    init(_ name: String, in folder: TestFolder, kilobytes: Int) throws {
        self.folder = folder
        self.path = folder.file(name).path
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        guard mount("tmpfs", self.path, "tmpfs", 0, "size=\(kilobytes)k") == 0 else {
            throw ProcessFailure(description: "cannot mount a tmpfs: \(String(cString: strerror(errno)))")
        }
    }

    deinit { umount2(self.path, Int32(MNT_DETACH)) }

    /// Changes the size or forbids writing.
    func remount(kilobytes: Int, readOnly: Bool = false) throws {
        let flags = UInt(MS_REMOUNT) | (readOnly ? UInt(MS_RDONLY) : 0)
        guard mount("tmpfs", self.path, "tmpfs", flags, "size=\(kilobytes)k") == 0 else {
            throw ProcessFailure(description: "cannot remount a tmpfs: \(String(cString: strerror(errno)))")
        }
    }

    /// Tells whether this user may mount.
    static let isPermitted: Bool = {
        guard let folder = try? TestFolder() else { return false }
        return (try? SmallDisk("probe", in: folder, kilobytes: 16)) != nil
    }()
}
