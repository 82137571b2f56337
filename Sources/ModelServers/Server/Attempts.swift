// SPDX-License-Identifier: Apache-2.0

import ModelRequests

/// The attempts of one request so far.
struct Attempts {
    /// Calls that were sent.
    var count = 0
    var retry = RetryDecision()
    var blame: RequestBlame
    /// The form of the last call.
    var form = RequestForm()
    /// Answers that held nothing.
    private(set) var missingAnswers = 0
    private let failuresMax: Int

    init(failuresMax: Int) {
        self.failuresMax = failuresMax
        self.blame = RequestBlame(failuresMax: failuresMax)
    }

    /// Takes note of an answer that holds nothing.
    /// - Returns: whether it is one too many.
    mutating func missed(max: Int) -> Bool {
        self.missingAnswers += 1
        return self.missingAnswers > max
    }

    /// Forgets the failures so far: they may be another's fault.
    mutating func forgive() {
        self.blame = RequestBlame(failuresMax: self.failuresMax)
        self.missingAnswers = 0
    }
}
