// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Records

/// One operator for one pair of types.
public struct OperatorOverload: Sendable {
    enum Maker: Sendable {
        case synchronous(
            @Sendable (Configuration, OperatorContext, AnyObject, NoteFlag) throws(ConfigurationError) -> WiredOperator)
        case asynchronous(@Sendable (Configuration, OperatorContext) throws(ConfigurationError) -> WiredAsyncOperator)
    }

    /// The operator's name, help and fields.
    public let specification: OperatorSpecification
    /// The type it takes.
    public let input: StreamType
    /// The type it makes.
    public let output: StreamType
    let maker: Maker

    /// Tells whether it has to wait for its answers.
    public var isAsynchronous: Bool {
        if case .asynchronous = self.maker { return true }
        return false
    }

    /// Creates the operator once, for what only it can check.
    package func tryOut(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        switch self.maker {
        case .synchronous(let make):
            _ = try make(configuration, context, self.output.encoder { _, _, _ in }, NoteFlag())
        case .asynchronous(let make): _ = try make(configuration, context)
        }
    }

    /// Describes a synchronous operator.
    @inlinable
    public init<Op: Operator>(_ type: Op.Type) {
        let name = Op.specification.name
        self.init(
            specification: Op.specification, input: StreamType(Op.Input.self), output: StreamType(Op.Output.self),
            synchronous: { (configuration, context, next, flag) throws(ConfigurationError) in
                guard let next = next as? Receiver<Op.Output> else {
                    preconditionFailure("types were checked before wiring")
                }
                let step = Cell(try Op(configuration, context))
                let collector = Cell(Collector<Op.Output>(step: name, next: next, flag: flag))
                let receiver = Receiver<Op.Input> { element in
                    step.place.pointee.process(element, into: &collector.place.pointee)
                }
                return (
                    receiver,
                    { collector.place.pointee.takeNotes() },
                    { step.place.pointee.openCount },
                    { step.place.pointee.stateChanges() },
                    { (entries: [StateEntry]) throws(JSONError) in try step.place.pointee.restore(entries) }
                )
            })
    }

    /// Describes an asynchronous operator.
    @inlinable
    public init<Op: AsyncOperator>(asynchronous type: Op.Type) {
        let name = Op.specification.name
        self.init(
            specification: Op.specification, input: StreamType(Op.Input.self), output: StreamType(Op.Output.self),
            asynchronous: { (configuration, context) throws(ConfigurationError) in
                let step = try Op(configuration, context)
                let gathered = Cell<[Element<Op.Input>]>([])
                let receiver = Receiver<Op.Input> { element in gathered.place.pointee.append(element) }
                let take = {
                    let elements = gathered.place.pointee
                    gathered.place.pointee = []
                    return elements.map { element in
                        OperatorOverload.request { deadline in
                            var output = Collector<Op.Output>(step: name)
                            guard let rest = step.begin(element, until: deadline, into: &output) else {
                                return (OperatorOverload.reply(output), nil)
                            }
                            return (
                                nil,
                                { () async throws(CancellationError) in
                                    var output = Collector<Op.Output>(step: name)
                                    try await rest.finish(into: &output)
                                    return OperatorOverload.reply(output)
                                }
                            )
                        }
                    }
                }
                return (receiver, take, step.inFlightMax, step.askedAheadMax, { step.callsToCome })
            })
    }
}

extension OperatorOverload {
    @usableFromInline
    typealias SynchronousParts = (
        receiver: AnyObject, takeNotes: () -> StepNotes, openCount: () -> Int, stateChanges: () -> [StateChange],
        restore: ([StateEntry]) throws(JSONError) -> Void
    )
    @usableFromInline
    typealias AsynchronousParts = (
        receiver: AnyObject, takeRequests: () -> [Request], inFlightMax: Int, askedAheadMax: Int,
        callsToCome: () -> ClosedRange<Int>
    )

    /// Opaque request and reply that the generic initialisers hand over.
    @usableFromInline
    struct Request {
        let request: AsyncRequest
    }
    @usableFromInline
    struct Reply: Sendable {
        let reply: AsyncReply
    }

    /// A reply, or the work that brings it.
    @usableFromInline
    typealias Beginning = (reply: Reply?, rest: (@Sendable () async throws(CancellationError) -> Reply)?)

    @usableFromInline
    static func request(_ begin: @escaping (ContinuousClock.Instant?) -> Beginning) -> Request {
        Request(
            request: AsyncRequest { deadline in
                let (reply, rest) = begin(deadline)
                if let reply { return .answered(reply.reply) }
                guard let rest else { preconditionFailure("what is not answered has a rest") }
                return .remains { () async throws(CancellationError) in try await rest().reply }
            })
    }

    @inlinable
    static func reply<Value>(_ output: Collector<Value>) -> Reply {
        let elements = output.elements
        return self.reply(
            notes: output.notes, byteCount: { elements.reduce(0) { $0 + $1.value.json.count } },
            deliver: { next in
                guard let next = next as? Receiver<Value> else {
                    preconditionFailure("types were checked before wiring")
                }
                for element in elements { next(element) }
            })
    }

    @usableFromInline
    static func reply(
        notes: StepNotes, byteCount: @escaping @Sendable () -> Int, deliver: @escaping @Sendable (AnyObject) -> Void
    ) -> Reply {
        let lettersBytes = notes.letters.reduce(0) { $0 + ($1.value?.count ?? 0) }
        return Reply(
            reply: AsyncReply(notes: notes, byteCount: { lettersBytes + byteCount() }, deliver: deliver))
    }

    @usableFromInline
    init(
        specification: OperatorSpecification, input: StreamType, output: StreamType,
        synchronous make:
            @escaping @Sendable (Configuration, OperatorContext, AnyObject, NoteFlag)
            throws(ConfigurationError) -> SynchronousParts
    ) {
        self.specification = specification
        self.input = input
        self.output = output
        self.maker = .synchronous { (configuration, context, next, flag) throws(ConfigurationError) in
            let parts = try make(configuration, context, next, flag)
            return WiredOperator(
                receiver: parts.receiver, takeNotes: parts.takeNotes, openCount: parts.openCount,
                stateChanges: parts.stateChanges, restore: parts.restore)
        }
    }

    @usableFromInline
    init(
        specification: OperatorSpecification, input: StreamType, output: StreamType,
        asynchronous make:
            @escaping @Sendable (Configuration, OperatorContext)
            throws(ConfigurationError) -> AsynchronousParts
    ) {
        self.specification = specification
        self.input = input
        self.output = output
        self.maker = .asynchronous { (configuration, context) throws(ConfigurationError) in
            let parts = try make(configuration, context)
            return WiredAsyncOperator(
                receiver: parts.receiver, takeRequests: { parts.takeRequests().map(\.request) },
                inFlightMax: parts.inFlightMax, askedAheadMax: parts.askedAheadMax, callsToCome: parts.callsToCome)
        }
    }
}
