// SPDX-License-Identifier: Apache-2.0

public import Dataflow
public import Shards

/// A room's exports, by which the commands know what it brings: its operators, the sources it reads, the schemas of its
/// samples, the forms it writes them in, how it explains one, and the networks that learn from them.
public struct TaskRoom: Sendable {
    /// The room's name, for messages.
    public var name: String
    /// The operators that topologies may name.
    public var operators: OperatorRegistry
    /// The sources of `millrace ingest`.
    public var sources: [any SourceArguments.Type]
    /// The schemas of the lines in its shards; lines of other types are known by their content.
    public var schemas: [LineSchema]
    /// The forms of `millrace export`.
    public var exports: [any SampleExport.Type]
    /// The explainers of `millrace explain`; the first that takes a sample on explains it.
    public var explainers: [any SampleExplainer.Type]
    /// The columns in which rejects are shown; the first that take a reject on show it.
    public var rejects: [RejectColumns]
    /// The networks of `millrace train-NAME`.
    public var trainings: [any SampleTraining.Type]
    /// The projects that `millrace init --task NAME` writes.
    public var projects: [ProjectTemplate]

    /// Describes a room; what it does not bring is left out.
    /// - Parameters:
    ///   - operators: registers its operators.
    ///   - adapters: registers the adapters whose command line comes of their fields.
    ///   - sources: the command lines of other adapters.
    public init(
        _ name: String, operators: (inout OperatorRegistry) -> Void = { _ in },
        adapters: (inout SourceRegistry) -> Void = { _ in }, sources: [any SourceArguments.Type] = [],
        schemas: [LineSchema] = [], exports: [any SampleExport.Type] = [],
        explainers: [any SampleExplainer.Type] = [], rejects: [RejectColumns] = [],
        trainings: [any SampleTraining.Type] = [], projects: [ProjectTemplate] = []
    ) {
        self.name = name
        self.operators = OperatorRegistry()
        operators(&self.operators)
        var registry = SourceRegistry()
        adapters(&registry)
        self.sources = registry.sources + sources
        self.schemas = schemas
        self.exports = exports
        self.explainers = explainers
        self.rejects = rejects
        self.trainings = trainings
        self.projects = projects
    }
}

/// The rooms of a program, and what they export together. No two export the same name for different things.
public struct TaskRegistry: Sendable {
    /// The rooms, in the order of their registration.
    public private(set) var rooms: [TaskRoom] = []
    /// The operators of all.
    public private(set) var operators = OperatorRegistry()

    /// Registers nothing.
    public init() {}

    /// Registers rooms.
    /// - Throws: `TaskConflict` where two of them export the same name.
    public init(_ rooms: [TaskRoom]) throws(TaskConflict) {
        for room in rooms { try self.add(room) }
    }

    /// The sources of all rooms, in their order.
    public var sources: [any SourceArguments.Type] { self.rooms.flatMap(\.sources) }
    /// The schemas of all rooms, in their order.
    public var schemas: [LineSchema] { self.rooms.flatMap(\.schemas) }
    /// The forms of all rooms, in their order.
    public var exports: [any SampleExport.Type] { self.rooms.flatMap(\.exports) }
    /// The explainers of all rooms, in their order.
    public var explainers: [any SampleExplainer.Type] { self.rooms.flatMap(\.explainers) }
    /// The columns for rejects of all rooms, in their order.
    public var rejects: [RejectColumns] { self.rooms.flatMap(\.rejects) }
    /// The networks of all rooms, in their order.
    public var trainings: [any SampleTraining.Type] { self.rooms.flatMap(\.trainings) }
    /// The projects of all rooms, in their order.
    public var projects: [ProjectTemplate] { self.rooms.flatMap(\.projects) }

    /// The name under which a source is ingested.
    public static func name(of source: any SourceArguments.Type) -> String { Self.adapterName(source) }

    private static func adapterName<Source: SourceArguments>(_ source: Source.Type) -> String { Source.Adapter.name }

    private mutating func add(_ room: TaskRoom) throws(TaskConflict) {
        if self.rooms.contains(where: { $0.name == room.name }) {
            throw TaskConflict("two rooms are called `\(room.name)`", room.name, room.name)
        }
        // The room itself is among those it is compared with: it may name nothing twice either.
        let rooms = self.rooms + [room]
        try Self.check(rooms, "source") { $0.sources.map(Self.name) }
        try Self.check(rooms, "export") { $0.exports.map { $0.name } }
        try Self.check(rooms, "training") { $0.trainings.map { $0.name } }
        try Self.check(rooms, "project") { $0.projects.map(\.name) }
        try Self.check(rooms, "schema") { $0.schemas.map(\.streamType) }
        for overload in room.operators.overloads {
            if let problem = self.operators.conflict(with: overload) {
                let other = self.rooms.first { $0.operators.conflict(with: overload) != nil }
                throw TaskConflict(problem, other?.name ?? room.name, room.name)
            }
            self.operators.add(overload)
        }
        self.rooms = rooms
    }

    private static func check(
        _ rooms: [TaskRoom], _ kind: String, _ names: (TaskRoom) -> [String]
    ) throws(TaskConflict) {
        var owners: [String: String] = [:]
        for room in rooms {
            for name in names(room) {
                if let owner = owners[name] {
                    throw TaskConflict("two \(kind)s are called `\(name)`", owner, room.name)
                }
                owners[name] = room.name
            }
        }
    }
}

/// Two exports of the same name, between which no command could choose.
public struct TaskConflict: Error, Hashable, Sendable, CustomStringConvertible {
    /// The names that are the same, the rooms that export them, and what to do.
    public var message: String

    init(_ fault: String, _ first: String, _ second: String) {
        let rooms =
            first == second ? "the room \(first) exports both" : "the rooms \(first) and \(second) export one each"
        self.message = "\(fault): \(rooms); rename one of them where it is declared, and build again"
    }

    /// Equals `message`.
    public var description: String { self.message }
}
