// SPDX-License-Identifier: Apache-2.0

public import Dataflow

/// The description of a source in help and errors, and its options.
public struct SourceSpecification: Sendable {
    /// The name on the command line, and in the ledger of what was ingested.
    public var name: String
    /// One sentence on what it reads, for the list of sources.
    public var summary: String
    /// The fields that may be configured: each is an option of `millrace ingest NAME`.
    public var fields: [any FieldDescription]
    /// Commands that can be pasted, one a line, of at most 76 columns.
    public var examples: [String]

    /// Describes a source.
    public init(name: String, summary: String, fields: [any FieldDescription], examples: [String] = []) {
        self.name = name
        self.summary = summary
        self.fields = fields
        self.examples = examples
    }
}

/// An adapter that says itself by which fields it is configured, as an operator does: its command line, with help and
/// errors, comes of them.
///
/// To add one: write a value type that conforms, in one file, and register it in the room
/// (`SourceRegistry.register`). A field that must be given is an option that must; one of a truth value is a flag; one
/// of a list may be given several times. Fields are not grouped: a source has no `Section`.
///
/// A source whose command line needs more than that brings `SourceArguments` of its own.
public protocol ConfigurableAdapter: SourceAdapter {
    /// Its name, help and fields.
    static var specification: SourceSpecification { get }

    /// Opens the side files.
    /// - Throws: `ConfigurationError` for what only the adapter can check, `SourceError` about a file.
    init(_ configuration: Configuration) throws
}

extension ConfigurableAdapter {
    /// The name that its specification says.
    public static var name: String { Self.specification.name }
}

/// The sources that a room brings.
public struct SourceRegistry: Sendable {
    /// The command lines of the sources, in the order of their registration.
    public private(set) var sources: [any SourceArguments.Type] = []

    /// Creates an empty registry.
    public init() {}

    /// Adds an adapter with a command line of its fields.
    public mutating func register<Adapter: ConfigurableAdapter>(_ type: Adapter.Type) {
        self.sources.append(FieldArguments<Adapter>.self)
    }

    /// Adds an adapter with a command line of its own.
    public mutating func register<Arguments: SourceArguments>(arguments type: Arguments.Type) {
        self.sources.append(type)
    }
}
