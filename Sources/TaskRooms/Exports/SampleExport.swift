// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import RecordLog
public import Records
public import Shards

/// A form of another project's that samples can be written in: `millrace export NAME`, with the options that it has
/// beside `--shards` and `--output`.
public protocol SampleExport: ParsableArguments {
    /// The name on the command line: `nlq`.
    static var name: String { get }
    /// A line about the form for the list of forms.
    static var abstract: String { get }
    /// Examples of its use, and what else there is to know.
    static var discussion: String { get }

    /// Writes a set's samples.
    /// - Parameter output: the path of a file or folder; it is replaced as a whole.
    /// - Returns: lines for the user about what was written and what was left out.
    /// - Throws: `ShardError` where a shard cannot be read or the output not be written, `TaskFailure` about an option.
    func write(_ set: ShardSet, to output: String) throws -> [String]
}

/// The committed shards of a set.
public struct ShardSet: Sendable {
    /// Its name.
    public var name: String
    /// The shards that its manifest lists.
    public var manifest: Manifest
    /// The folder that they are in.
    public var storage: any ShardStorage

    /// Describes a set.
    public init(name: String, manifest: Manifest, storage: any ShardStorage) {
        self.name = name
        self.manifest = manifest
        self.storage = storage
    }

    /// The shards' files, in the manifest's order.
    public var files: [String] { self.manifest.commits.map(\.entry.file) }
    /// The time of the last commit; 0 where there is none. An export that wants a date takes this one, so that the same
    /// shards give the same bytes.
    public var lastCommit: Timestamp { self.manifest.commits.map(\.time).max() ?? 0 }
}
