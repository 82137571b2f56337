// SPDX-License-Identifier: Apache-2.0

import ModelRequests

/// Things that a process has learnt of a model at a server.
struct ModelRecord: Hashable, Sendable {
    /// The form of requests that the server takes.
    var form = RequestForm()
    /// Tells whether it has answered anything, the tiny request of the probe included: address, name and key are right.
    var hasAnswered = false
    /// Tells whether even the tiny request was refused.
    var isProbeRefused = false
    /// Tells whether a request with its whole schema was answered: then the server does not fall over schemas of this
    /// kind.
    private(set) var hasObeyed = false
    /// Less of the schema than the server is known to refuse, to see whether that helps.
    private var trial: RequestForm.Schema?
    private var schemaFailures = 0
    private var hasTriedAll = false
    private var hasAnsweredRequests = false
    private var refusals = 0
    /// Calls that tried, of a server that fails all, and met what nobody mends by waiting.
    private var hopelessTrials = 0

    /// Number of requests refused, with none answered, that shows that they are refused for what they share.
    static let refusalsMax = 8
    /// The same if no others are left to be asked.
    static let refusalsAtEnd = 3

    /// Number of trials that shows that the answer to the probe was worth nothing: a key may be good for tiny requests
    /// alone, or have been withdrawn. One failure may be that of a single machine behind the address.
    static let hopelessTrialsMax = 3

    /// Number of failures in a row that makes the schema suspect.
    static let schemaFailuresMax = 3

    /// The meaning of a refusal.
    enum Verdict: Hashable, Sendable {
        /// It is that request's own: others are answered.
        case own
        /// All requests meet it.
        case shared
        /// It is not known yet.
        case open
    }

    /// A request was answered.
    mutating func answered() {
        self.hasAnswered = true
        self.hasAnsweredRequests = true
    }

    /// Returns the present form of a request: the one that the server takes, or one with less of the schema if the
    /// schema is suspected.
    func form(for request: ChatRequest) -> (form: RequestForm, isTrial: Bool) {
        guard let trial, request.schema != nil, trial < self.form.schema else { return (self.form, false) }
        var form = self.form
        form.schema = trial
        return (form, true)
    }

    /// Learns from a form in which a request was answered.
    /// - Returns: what is new in it.
    mutating func learn(_ form: RequestForm, of request: ChatRequest) -> [String] {
        let old = self.form
        var merged = old.merged(with: form)
        // If others are answered with their schema, it was this one's alone.
        if self.hasObeyed { merged.schema = old.schema }
        if request.schema != nil, form.schema == .whole { self.hasObeyed = true }
        if request.schema != nil { self.trial = nil }
        self.form = merged
        return merged.changes(since: old)
    }

    /// Tells whether the schema may be the cause of a failure: the server answers, and has answered no request with
    /// one.
    func suspectsSchema(of request: ChatRequest) -> Bool {
        request.schema != nil && self.form.schema > .none && self.hasAnswered && !self.hasObeyed && !self.hasTriedAll
    }

    /// A request failed in a way in which its schema can be the cause: an engine that it kills, an answer with nothing
    /// in it. After some of these in a row less of the schema is tried, then none, then all of it again.
    /// - Parameter form: how it was put.
    mutating func schemaFailed(_ form: RequestForm, of request: ChatRequest) {
        guard request.schema != nil, self.hasAnswered, !self.hasObeyed,
            form.schema == self.form(for: request).form.schema
        else { return }
        self.schemaFailures += 1
        guard self.schemaFailures >= Self.schemaFailuresMax else { return }
        self.schemaFailures = 0
        self.trial = form.withLessSchema(of: request)?.schema
        if self.trial == nil { self.hasTriedAll = true }
    }

    /// Another request was refused: 400 and its like.
    mutating func refused() { self.refusals += 1 }

    /// Returns the meaning of the refusals so far. A block that is too long is not the only one asked for, and the
    /// others are answered; a fault in a prompt, a parameter or a server's settings meets every block.
    /// - Parameter isQuiet: whether nothing else is being asked, and nothing has been for a while.
    func verdict(isQuiet: Bool) -> Verdict {
        if self.hasAnsweredRequests { return .own }
        if self.refusals >= (self.isProbeRefused ? 1 : Self.refusalsMax) { return .shared }
        guard isQuiet else { return .open }
        return self.refusals >= Self.refusalsAtEnd ? .shared : .own
    }

    /// Tells whether a failure of the server is one that every request will meet, however long it waits. Once a request
    /// was answered a person is waited for, who will set it right.
    /// - Parameter isTrial: whether it is that of the one call that tries a server which has failed all.
    mutating func isHopeless(_ fault: ServerFault, isTrial: Bool) -> Bool {
        if fault == .quotaSpent { return true }
        guard fault.needsAttention, !self.hasAnsweredRequests else { return false }
        if isTrial { self.hopelessTrials += 1 }
        return !self.hasAnswered || self.hopelessTrials >= Self.hopelessTrialsMax
    }
}
