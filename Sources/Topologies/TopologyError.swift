// SPDX-License-Identifier: Apache-2.0

public import Dataflow

/// All that is wrong with a topology.
public struct TopologyError: Error, Sendable, CustomStringConvertible {
    /// The mistakes, in file order.
    public var diagnostics: [Diagnostic]

    /// Reports all the mistakes of a file together.
    public init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }

    /// One diagnostic a line.
    public var description: String { self.diagnostics.map(\.description).joined(separator: "\n") }
}
