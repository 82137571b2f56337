// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Records

/// The description of an operator in topologies, lint and help.
public struct OperatorSpecification: Sendable {
    /// The name of the step in YAML.
    public var name: String
    /// One sentence on what it does.
    public var summary: String
    /// The fields that may be configured, with types, defaults and help.
    public var fields: [any FieldDescription]
    /// Tells whether it keeps something from one record to the next.
    public var isStateful: Bool
    /// Tells whether it keeps that beyond the end of the videos that it is about: there is then nothing to be finished.
    public var remembers: Bool
    /// Answers what is worth a warning about a configuration that can run all the same.
    public var warnings: @Sendable (Configuration) -> [ConfigurationError]

    /// Describes an operator.
    public init(
        name: String, summary: String, fields: [any FieldDescription], isStateful: Bool = false,
        remembers: Bool = false,
        warnings: @escaping @Sendable (Configuration) -> [ConfigurationError] = { _ in [] }
    ) {
        self.name = name
        self.summary = summary
        self.fields = fields
        self.isStateful = isStateful
        self.remembers = remembers
        self.warnings = warnings
    }
}

/// Facts that an operator may know beside its configuration.
public struct OperatorContext: Sendable {
    /// The topology's hash, for lineage.
    public var topologyHash: String
    /// The name of the stage that the operator is a step of; empty where it is of none, in a test of its own.
    public var stage = ""
    /// Tells whether the user has allowed to run where no exclusion list is known (`--allow-unguarded`).
    public var allowUnguarded: Bool
    /// Services the run offers to operators from outside; none where a topology is only looked at or tested.
    public var services: OperatorServices

    /// Creates a context.
    public init(topologyHash: String, allowUnguarded: Bool = false, services: OperatorServices = OperatorServices()) {
        self.topologyHash = topologyHash
        self.allowUnguarded = allowUnguarded
        self.services = services
    }
}

/// Services from outside a topology, each under the protocol that an operator knows it by: whoever wires a run puts
/// them in, operators take them out, and nobody in between knows of them.
public struct OperatorServices: Sendable {
    private var services: [ObjectIdentifier: any Sendable] = [:]

    /// Creates an empty set.
    public init() {}

    /// The service known by a type, where there is one.
    public subscript<Service>(_ type: Service.Type) -> Service? {
        self.services[ObjectIdentifier(type)] as? Service
    }

    /// Puts a service in, to be known by a type that it has.
    public mutating func set<Service: Sendable>(_ service: Service, as type: Service.Type) {
        self.services[ObjectIdentifier(type)] = service
    }
}

/// One step that turns a value into zero or more values, at once.
///
/// To add an operator: write a value type that conforms, in one file, and register it (`OperatorRegistry.register`). It
/// sees neither log nor engine; its test feeds elements and looks at the collector. Operators that share a YAML name
/// and differ in their input type are overloads of each other, with fields of their own. A field that comes to an
/// operator that has shipped is declared as added (`Field.isAdded`).
///
/// Completeness is data: what gathers or packs gives its output at the record that says that a video, a file or a group
/// has ended, and source adapters write such records. Nothing tells an operator that its input is idle, since a replay
/// could not repeat that. An end that never comes leaves what was gathered in the state, and `openCount` says how much
/// that is; an end of what is not open is counted.
public protocol Operator<Input, Output>: Sendable {
    /// The type it takes.
    associatedtype Input: StreamValue
    /// The type it makes.
    associatedtype Output: StreamValue

    /// Its name, help and fields.
    static var specification: OperatorSpecification { get }

    /// Creates an operator from a configuration that has been checked against its fields.
    /// - Throws: `ConfigurationError` for what only the operator can check.
    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError)

    /// Takes one element. Order is kept; a failure is the element's own (`Collector.fail`), never thrown.
    mutating func process(_ element: Element<Input>, into output: inout Collector<Output>)

    /// The number of videos, files or groups that have begun and whose end has not come; `status` shows it.
    var openCount: Int { get }

    /// The changes of the operator's state since they were last asked for; they are committed with its output.
    mutating func stateChanges() -> [StateChange]

    /// Takes up the state that was committed last.
    mutating func restore(_ entries: [StateEntry]) throws(JSONError)
}

extension Operator {
    /// None: most operators take each element by itself.
    public var openCount: Int { 0 }

    /// A stateless operator has none.
    public mutating func stateChanges() -> [StateChange] { [] }

    /// A stateless operator has none.
    public mutating func restore(_ entries: [StateEntry]) throws(JSONError) {}
}

/// One step that has to wait, for a model server most of all.
///
/// The engine asks for up to `inFlightMax` answers at a time over all partitions, gives the answers on in the order of
/// the elements, and commits the finished prefix without waiting for the rest. It keeps no state between elements.
public protocol AsyncOperator<Input, Output>: Sendable {
    /// The type it takes.
    associatedtype Input: StreamValue
    /// The type it makes.
    associatedtype Output: StreamValue

    /// Its name, help and fields.
    static var specification: OperatorSpecification { get }

    /// Creates an operator from a configuration that has been checked against its fields.
    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError)

    /// The number of answers that may be awaited at a time in this process.
    var inFlightMax: Int { get }

    /// The number of further elements that may be handed over meanwhile, to wait inside the operator. One that picks
    /// the next itself then has one at hand whenever a place comes free, whatever the engine is busy with.
    var askedAheadMax: Int { get }

    /// The fewest and the most calls to a server that the elements under way may yet make, where the operator makes
    /// calls and knows.
    var callsToCome: ClosedRange<Int> { get }

    /// Answers without waiting, as far as that goes: by rule, or from a cache.
    ///
    /// - Parameter deadline: the time from which the thread is wanted for other things, Ctrl-C among them; `nil`: it
    ///   never is. Looking up one answer is never too much; before another one, the time is looked at.
    /// - Returns: `nil` where the output is complete; else the rest of the work, which goes on from where it stood and
    ///   brings all of the output: what was put out before is forgotten.
    func begin(
        _ element: Element<Input>, until deadline: ContinuousClock.Instant?, into output: inout Collector<Output>
    ) -> Remainder<Output>?

    /// Answers in its own time. A failure of the element is the element's own (`Collector.fail`); a failure of the
    /// server is waited out here.
    /// - Throws: only when cancelled; the element counts as not processed.
    func answer(_ element: Element<Input>, into output: inout Collector<Output>) async throws(CancellationError)
}

extension AsyncOperator {
    /// None: most operators do not queue.
    public var askedAheadMax: Int { 0 }

    /// None that anybody knows of.
    public var callsToCome: ClosedRange<Int> { 0...0 }

    /// Answers nothing at once: most operators have to ask.
    public func begin(
        _ element: Element<Input>, until deadline: ContinuousClock.Instant?, into output: inout Collector<Output>
    ) -> Remainder<Output>? {
        Remainder { output async throws(CancellationError) in try await self.answer(element, into: &output) }
    }
}

/// The rest of the work that an element makes for an operator that has to wait.
public struct Remainder<Output: StreamValue>: Sendable {
    @usableFromInline let work: @Sendable (inout Collector<Output>) async throws(CancellationError) -> Void

    /// Describes work; it throws only when cancelled.
    public init(_ work: @escaping @Sendable (inout Collector<Output>) async throws(CancellationError) -> Void) {
        self.work = work
    }

    /// Does it.
    @inlinable
    public func finish(into output: inout Collector<Output>) async throws(CancellationError) {
        try await self.work(&output)
    }
}
