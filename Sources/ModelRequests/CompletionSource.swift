// SPDX-License-Identifier: Apache-2.0

/// The source from which a step that asks a model gets its answers.
///
/// Steps see neither HTTP nor a cache: whoever wires them together hands them one of these. An outage of the server is
/// waited out behind it, and so is the wait for a free place at the server.
public protocol CompletionSource: Sendable {
    /// The answer to a request, if it can be had without waiting.
    func kept(_ request: ChatRequest) -> Completion?

    /// The answer to a request, in its own time.
    /// - Parameter record: the number of the record that it is about, by the order in which records have begun. Where
    ///   requests wait for a place at the server, those of the lowest number come first.
    /// - Throws: `.refused` or `.request` if the request itself is at fault; `.cancelled` if nobody waits any more.
    func complete(_ request: ChatRequest, record: Int) async throws(CompletionFailure) -> Completion

    /// Is told that answers are missing, before they are asked for, and how many requests may follow them.
    /// - Parameters:
    ///   - missing: requests of one conversation without a kept answer, most of them: the first one, and those that
    ///     are open beside it.
    ///   - further: the fewest and the most requests that may follow.
    func foresee(_ missing: [ChatRequest], further: ClosedRange<Int>)
}

extension CompletionSource {
    /// The answer to a request that is about no record: it goes before all that are.
    public func complete(_ request: ChatRequest) async throws(CompletionFailure) -> Completion {
        try await self.complete(request, record: 0)
    }

    /// Most sources wait until they are asked.
    public func foresee(_ missing: [ChatRequest], further: ClosedRange<Int>) {}
}

/// Knows the model servers of a process: each one once, however many steps and partitions ask it.
public protocol CompletionProvider: Sendable {
    /// The answers of a server. Nothing is sent yet.
    /// - Throws: what is wrong with the description, and what to do about it.
    func source(for endpoint: ModelEndpoint) throws(ModelEndpointProblem) -> any CompletionSource
}

/// A model server's address and how it is to be spoken to; nothing in it changes what it answers.
public struct ModelEndpoint: Hashable, Sendable {
    /// The base URL: `http://127.0.0.1:8080/v1`.
    public var url: String
    /// The environment variable that holds the key; if it is not set, no key is sent.
    public var keyVariable: String
    /// Calls at the server at a time, at most; `nil`: as many as it has slots, if it says so.
    public var inFlightMax: Int?
    /// The time to a connection, in seconds.
    public var connectSeconds: Double
    /// The time from a call to its answer's first byte, in seconds.
    public var firstByteSeconds: Double
    /// The time from a call to its answer's last byte, in seconds.
    public var totalSeconds: Double
    /// A PEM file of certificate authorities to trust beside the system's.
    public var authorityFile: String?
    /// The price of one of its models, for those who count costs.
    public var price: ModelPrice?

    /// Describes a server.
    public init(
        url: String, keyVariable: String = "LLM_API_KEY", inFlightMax: Int? = nil, connectSeconds: Double = 10,
        firstByteSeconds: Double = 300, totalSeconds: Double = 600, authorityFile: String? = nil,
        price: ModelPrice? = nil
    ) {
        self.url = url
        self.keyVariable = keyVariable
        self.inFlightMax = inFlightMax
        self.connectSeconds = connectSeconds
        self.firstByteSeconds = firstByteSeconds
        self.totalSeconds = totalSeconds
        self.authorityFile = authorityFile
        self.price = price
    }

    /// The same without a price: several models of one server may have one each.
    public var withoutPrice: ModelEndpoint {
        var endpoint = self
        endpoint.price = nil
        return endpoint
    }
}

/// The price of a model's tokens.
public struct ModelPrice: Hashable, Sendable {
    /// The model, as the server knows it.
    public var model: String
    /// Money for a million tokens of prompts.
    public var millionIn: Double
    /// Money for a million tokens of answers.
    public var millionOut: Double
    /// The currency, by its three letters.
    public var currency: String

    /// Describes a price.
    public init(model: String, millionIn: Double, millionOut: Double, currency: String) {
        self.model = model
        self.millionIn = millionIn
        self.millionOut = millionOut
        self.currency = currency
    }

    /// Money for tokens of a prompt and of its answer.
    public func cost(tokensIn: Int, tokensOut: Int) -> Double {
        (Double(tokensIn) * self.millionIn + Double(tokensOut) * self.millionOut) / 1e6
    }
}

/// The reason why a model server cannot be used as it is described.
public struct ModelEndpointProblem: Error, Hashable, Sendable {
    /// A description of what is wrong, and what to do about it.
    public var message: String

    /// Creates a problem.
    public init(_ message: String) { self.message = message }
}

/// An answer, and what it took to get it.
public struct Completion: Sendable {
    /// The answer.
    public var answer: ChatAnswer
    /// The call that was made for it; `nil` if it was kept from before, or another request's call was shared.
    public var call: ModelCall?

    /// Creates a completion.
    public init(_ answer: ChatAnswer, call: ModelCall? = nil) {
        self.answer = answer
        self.call = call
    }
}

/// The outcome of a call to a model server.
public struct ModelCall: Hashable, Sendable {
    /// Time the server took for the answer, in seconds; waiting for a place is not in it.
    public var seconds = 0.0
    /// Failures of the server before it answered, by kind; each was waited out and led to another attempt.
    public var serverFailures: [String: Int] = [:]
    /// Tells whether it was made in vain or for the second time: its answer was stored by another process when it came,
    /// or a process that was killed had made it before and had no time to store the answer.
    public var isDuplicate = false

    /// Creates the description of a call.
    public init() {}
}

/// The reason why a request has no answer.
public enum CompletionFailure: Error, Hashable, Sendable {
    /// A failure that follows from the request, by a short code: asked again, it fails again in the same way. Whoever
    /// asked may go on from there.
    case refused(reason: String, message: String, ModelCall)
    /// A failure of the request's own that does not follow from it alone, such as a deadline that passed again and
    /// again: another day may bring an answer, so that nothing can be built on it.
    case request(reason: String, message: String, ModelCall)
    /// Nobody waits for it any more.
    case cancelled
}
