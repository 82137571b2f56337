// SPDX-License-Identifier: Apache-2.0

/// One operator of a stage with its configuration.
public struct Step: Sendable {
    /// The operator, for the types it has here.
    public var overload: OperatorOverload
    /// Its configuration, checked.
    public var configuration: Configuration
    /// The step's place in the file.
    public var mark: SourceMark?

    /// Creates a step.
    public init(overload: OperatorOverload, configuration: Configuration, mark: SourceMark? = nil) {
        self.overload = overload
        self.configuration = configuration
        self.mark = mark
    }

    /// The YAML name of the operator.
    public var name: String { self.overload.specification.name }

    /// The step as text, the same for steps that do the same.
    package var canonical: String { self.name + self.configuration.canonical(self.overload.specification.fields) }
}
