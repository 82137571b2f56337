// SPDX-License-Identifier: Apache-2.0

public import ModelRequests

/// Counts calls at the one place where they are sent, whatever they are for: questions, repairs, retries, probes and
/// witnesses.
public struct CallMeter: Sendable {
    /// Is told how a call ended.
    public typealias Receipt = @Sendable (Result<ChatAnswer, ChatFailure>) -> Void

    /// Waits until a call may be sent; `nil` if none may be sent any more, or nobody waits for its answer.
    public var admit: @Sendable (ChatRequest) async -> Receipt?

    /// Creates a meter; by default it lets everything pass.
    public init(admit: @escaping @Sendable (ChatRequest) async -> Receipt? = { _ in { _ in } }) {
        self.admit = admit
    }
}
