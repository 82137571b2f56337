// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// The command line of a source: `millrace ingest NAME` with the options that the source has beside those of all.
public protocol SourceArguments: ParsableArguments {
    /// The adapter that they open.
    associatedtype Adapter: SourceAdapter

    /// A line about the source for the list of sources.
    static var abstract: String { get }
    /// Examples of its use, and what else there is to know.
    static var discussion: String { get }

    /// Opens the side files.
    /// - Throws: `SourceError` about a file, `TaskFailure` about an option.
    func makeAdapter() throws -> Adapter
}
