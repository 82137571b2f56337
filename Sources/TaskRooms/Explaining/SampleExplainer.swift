// SPDX-License-Identifier: Apache-2.0

public import RecordLog
public import Topologies

/// Says where a task's samples came from.
public protocol SampleExplainer: Sendable {
    /// Takes a sample on; `nil` where it is none of the task's.
    init?(_ found: FoundSample)

    /// Looks up what the sample's lineage names.
    /// - Throws: `TaskFailure` where what the user asked for is not there.
    func explanation(in surroundings: ExplanationSurroundings) throws -> Explanation
}

/// The places where an explainer looks.
public struct ExplanationSurroundings: Sendable {
    /// The log with the records that the sample was made of.
    public var log: any RecordLog
    /// The folder with the answers of models.
    public var cacheFolder: String
    /// The topology whose steps' settings hold, and its file; `nil` for the defaults of their fields.
    public var topology: (file: String, topology: Topology)?

    /// Names the places.
    public init(log: any RecordLog, cacheFolder: String, topology: (file: String, topology: Topology)? = nil) {
        self.log = log
        self.cacheFolder = cacheFolder
        self.topology = topology
    }
}
