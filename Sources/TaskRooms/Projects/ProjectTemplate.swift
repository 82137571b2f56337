// SPDX-License-Identifier: Apache-2.0

public import Codecs

/// A folder to begin with: a topology with its prompts and test cases, and a few records to try it on.
public struct ProjectTemplate: Sendable {
    /// A file of the folder.
    public struct File: Sendable {
        /// Its path in the folder.
        public var path: String
        /// Its content.
        public var content: Bytes

        /// Describes a file.
        public init(_ path: String, _ content: Bytes) {
            self.path = path
            self.content = content
        }
    }

    /// The task's name on the command line.
    public var name: String
    /// A line about it.
    public var abstract: String
    /// The files, beside the README that is written for them. The cases of `topology` lie beside it.
    public var files: [File]
    /// The path of the topology.
    public var topology: String
    /// The path of the records to try it on, which the source `jsonl` reads.
    public var records: String
    /// The set of shards that it fills.
    public var set: String
    /// Arguments that `ingest` wants beside the file, for every video to be known to be safe.
    public var ingestArguments: [String]

    /// Describes a project.
    public init(
        name: String, abstract: String, files: [File], topology: String, records: String, set: String,
        ingestArguments: [String]
    ) {
        self.name = name
        self.abstract = abstract
        self.files = files
        self.topology = topology
        self.records = records
        self.set = set
        self.ingestArguments = ingestArguments
    }
}
