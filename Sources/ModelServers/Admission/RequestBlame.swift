// SPDX-License-Identifier: Apache-2.0

/// Decides whether a request that keeps failing is itself to blame: it fails alone, several times, while others are
/// answered.
///
/// A failure counts against the request only if somebody bears witness that the server was well: another request was
/// answered since this attempt began, and no other has failed since the last answer. So an outage, which fails all
/// alike, counts against nobody. Where there are no others, at the end of a stream or with one call at a time, a tiny
/// request of the client's own is the witness. And where the server fails one call in ten for no reason, three failures
/// are no proof: so many are wanted that chance would hardly bring them.
public struct RequestBlame: Hashable, Sendable {
    /// The action to take after a failure.
    public enum Decision: Hashable, Sendable {
        /// Ask again.
        case retry
        /// Send a tiny request and tell whether it was answered (`witness`).
        case askWitness
        /// The request is at fault.
        case blame
    }

    /// Number of failures alone that convict, if the server hardly ever fails.
    public let failuresMax: Int
    /// Number of failures alone that convict, however often the server fails.
    static let failuresEnough = 12
    /// The share of innocent requests that may be convicted.
    static let chanceMax = 1e-5
    /// The failures alone so far.
    public private(set) var failuresAlone = 0
    /// The failures in a row of which nobody could say anything.
    public private(set) var failuresUnwitnessed = 0

    private var failuresWanted: Int

    /// Starts with a clean slate.
    public init(failuresMax: Int) {
        self.failuresMax = max(1, failuresMax)
        self.failuresWanted = self.failuresMax
    }

    /// An attempt failed.
    ///
    /// - Parameters:
    ///   - mayBeItsOwn: whether a request can cause such a failure at all; nobody is to blame for a refused connection.
    ///   - othersAnswered: whether another request was answered since this attempt began.
    ///   - othersFailed: whether another request has failed since the last answer.
    ///   - failureShare: the share of requests whose first attempt fails.
    public mutating func failed(
        mayBeItsOwn: Bool, othersAnswered: Bool, othersFailed: Bool, failureShare: Double
    ) -> Decision {
        self.failuresWanted = max(self.failuresMax, Self.failures(unlikelyAt: failureShare))
        guard mayBeItsOwn else { return .retry }
        if othersAnswered, !othersFailed {
            self.failuresUnwitnessed = 0
            return self.count()
        }
        self.failuresUnwitnessed += 1
        // The first failure without a witness is more likely an accident; a witness costs a call.
        return self.failuresUnwitnessed > 1 ? .askWitness : .retry
    }

    /// The tiny request was answered, or not.
    public mutating func witness(answered: Bool) -> Decision {
        guard answered else { return .retry }
        return self.count()
    }

    private mutating func count() -> Decision {
        self.failuresAlone += 1
        return self.failuresAlone >= self.failuresWanted ? .blame : .retry
    }

    /// Returns the number of failures in a row that chance brings to fewer than `chanceMax` of the requests.
    static func failures(unlikelyAt share: Double) -> Int {
        var chance = 1.0
        var count = 0
        while chance > Self.chanceMax, count < Self.failuresEnough {
            chance *= share
            count += 1
        }
        return count
    }
}
