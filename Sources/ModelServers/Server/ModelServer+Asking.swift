// SPDX-License-Identifier: Apache-2.0

import Codecs
public import ModelRequests
import Synchronization

extension ModelServer {
    /// Asks until there is an answer.
    ///
    /// - Parameters:
    ///   - record: of those who wait for a place, the lowest goes first; among equals, who came first.
    ///   - observer: is told what happens on the way.
    /// - Throws: `.request` if the request itself is at fault; `.shared` if no request will ever be answered;
    ///   `.unreadable` if its images cannot be read here; `.cancelled` if the task is cancelled or the server shut
    ///   down. Failures of the server are not thrown: they are waited out. A call that has been sent is not cut by
    ///   cancelling the task: its answer is the request's.
    public func ask(
        _ request: ChatRequest, record: Int = 0, observer: CallObserver = CallObserver()
    ) async throws(ChatFailure) -> ChatAnswer {
        let number = self.state.withLock { $0.begin() }
        defer { self.state.withLock { $0.end() } }
        var attempts = Attempts(failuresMax: self.settings.blameFailuresMax)
        while true {
            let pass = try await self.enter(number, record: record, isFirst: attempts.count == 0)
            let (fault, message): (ServerFault, String)
            let started = self.clock.now()
            switch await self.call(request, pass, &attempts) {
            case .success(let answer):
                if answer.isMissing, self.asksAgain(request, &attempts) {
                    self.leave()
                    observer.waitsOut(Self.missingAnswer)
                    try await self.pause(0.25 + 0.25 * self.clock.random())
                    continue
                }
                observer.answered(self.clock.now() - started)
                if let keepsPlace = observer.keepsPlace { keepsPlace { self.leave() } } else { self.leave() }
                return answer
            case .failure(.server(let kind, let text)): (fault, message) = (kind, text)
            case .failure(.request(let reason, let message)):
                // The server has not refused it, so nothing of this says what it makes of others.
                if reason.isOfFiles { throw .request(reason: reason, message: message) }
                throw await self.judged(reason, message, of: request)
            case .failure(let failure): throw failure
            }
            if self.isHopeless(fault, request.model, pass) { throw .shared(message: message) }
            var decision = self.failed(fault, message: message, pass: pass, &attempts.blame)
            if fault.mayBeTheSchemas {
                self.state.withLock { $0[request.model].schemaFailed(attempts.form, of: request) }
            }
            if decision == .askWitness { decision = await self.askWitness(for: request, &attempts.blame) }
            self.leave()
            if decision == .blame, self.state.withLock({ $0[request.model].suspectsSchema(of: request) }) {
                attempts.forgive()
            } else if decision == .blame, let reason = fault.blame {
                self.state.withLock { $0.statistics.requestFailures[reason, default: 0] += 1 }
                throw .request(
                    reason: reason,
                    message: "failed \(attempts.blame.failuresAlone) times while others were answered; last: "
                        + "\(fault.label): \(message)")
            }
            observer.waitsOut(fault)
            try await self.pause(attempts.retry.delaySeconds(after: fault, random: self.clock.random()))
        }
    }

    /// Tells whether an answer with nothing in it is to be asked for again. Some servers give one now and then, some
    /// always if there is a schema.
    private func asksAgain(_ request: ChatRequest, _ attempts: inout Attempts) -> Bool {
        let isSuspect = self.state.withLock { state in
            state.statistics.serverFailures[Self.missingAnswer.label, default: 0] += 1
            state[request.model].schemaFailed(attempts.form, of: request)
            return state[request.model].suspectsSchema(of: request)
        }
        guard attempts.missed(max: self.settings.missingAnswersMax) else { return true }
        if isSuspect { attempts.forgive() }
        return isSuspect
    }

    private static let missingAnswer = ServerFault.badAnswer(.wrongShape)

    /// Tells whether waiting is of no use; then the place is given back.
    private func isHopeless(_ fault: ServerFault, _ model: String, _ pass: Gate.Pass) -> Bool {
        guard self.state.withLock({ $0[model].isHopeless(fault, isTrial: pass.isTrial) }) else { return false }
        self.finish(pass, .abandoned) { $0.statistics.serverFailures[fault.label, default: 0] += 1 }
        return true
    }

    /// One call, made again at once without what the server refuses of it; unless it was answered or the server failed
    /// it, its place is given back.
    private func call(
        _ request: ChatRequest, _ pass: Gate.Pass, _ attempts: inout Attempts
    ) async -> Result<ChatAnswer, ChatFailure> {
        let started = self.clock.now()
        var (now, isTrial) = self.state.withLock { $0[request.model].form(for: request) }
        var later = now
        while true {
            do throws(ChatClient.CallFailure) {
                var answer = try await self.send(request, now, &attempts)
                var form = now
                if isTrial, !answer.isMissing {
                    // The server may only have had a bad time: the schema is tried again before it is given up.
                    let known = self.state.withLock { $0[request.model].form }
                    let again = try? await self.send(request, known, &attempts)
                    if let again, !again.isMissing { (answer, later, form) = (again, known, known) }
                }
                answer.omitted = form.omitted(of: request)
                if !answer.isMissing { self.remember(later, of: request) }
                self.note(pass, .alive) { $0.count(answer, of: request.model, seconds: self.clock.now() - started) }
                return .success(answer)
            } catch {
                if let refusal = error.refusal, !Task.isCancelled, let next = now.adapted(to: refusal, of: request) {
                    later = later.adapted(to: refusal, of: request)?.later ?? next.later
                    now = next.now
                    continue
                }
                return .failure(self.ended(error.failure, pass))
            }
        }
    }

    private func send(
        _ request: ChatRequest, _ form: RequestForm, _ attempts: inout Attempts
    ) async throws(ChatClient.CallFailure) -> ChatAnswer {
        if Task.isCancelled { throw ChatClient.CallFailure(failure: .cancelled) }
        let body: Bytes
        do throws(ChatFailure) {
            // Only now, with its place at the server: those who wait hold no images in memory.
            body = try await self.client.body(of: request, form)
        } catch {
            throw ChatClient.CallFailure(failure: error)
        }
        attempts.form = form
        let isRetry = attempts.count > 0
        attempts.count += 1
        self.state.withLock { state in
            state.statistics.calls += 1
            if isRetry { state.statistics.retries += 1 }
        }
        return try await self.client.attempt(request, form, body, isFinished: true)
    }

    /// Takes note of a call that was not answered, unless the server failed it.
    private func ended(_ failure: ChatFailure, _ pass: Gate.Pass) -> ChatFailure {
        switch failure {
        case .request(let reason, _):
            self.finish(pass, reason.isOfFiles ? .abandoned : .alive) {
                $0.statistics.requestFailures[reason, default: 0] += 1
            }
        case .unreadable: self.finish(pass, .abandoned) { _ in }
        case .server where !Task.isCancelled: break
        case .server, .shared, .cancelled:
            self.finish(pass, .abandoned) { $0.statistics.cancelled += 1 }
            return .cancelled
        }
        return failure
    }

    /// Puts further requests in a form that was answered; what is new in it is told once.
    private func remember(_ form: RequestForm, of request: ChatRequest) {
        let changes = self.state.withLock { $0[request.model].learn(form, of: request) }
        if !changes.isEmpty { self.onNotice(.adapted(model: request.model, changes: changes)) }
    }

    /// Judges a refusal to be the request's own failure or everybody's; waits while that is not known yet.
    private func judged(_ reason: RequestFault, _ message: String, of request: ChatRequest) async -> ChatFailure {
        self.state.withLock { state in
            state[request.model].refused()
            state.hold()
        }
        defer { self.state.withLock { $0.letGo() } }
        var quietSince: Double?
        while true {
            let now = self.clock.now()
            let verdict = self.state.withLock { state in
                quietSince = state.isQuiet ? quietSince ?? now : nil
                let isQuiet = quietSince.map { now - $0 >= Self.quietSeconds } ?? false
                return state[request.model].verdict(isQuiet: isQuiet)
            }
            switch verdict {
            case .own: return .request(reason: reason, message: message)
            case .shared: return .shared(message: message)
            case .open:
                do throws(ChatFailure) { try await self.pause(0.05) } catch { return error }
            }
        }
    }

    /// So long nothing else is asked before it is taken that nothing else will be.
    private static let quietSeconds = 1.0

    /// Takes note of a failure of the server, and decides whether it was the request's.
    private func failed(
        _ fault: ServerFault, message: String, pass: Gate.Pass, _ blame: inout RequestBlame
    ) -> RequestBlame.Decision {
        let now = self.clock.now()
        let random = self.clock.random()
        let (evidence, notice) = self.state.withLock { state in
            let evidence = (
                answered: state.gate.othersAnswered(since: pass), failed: state.gate.othersFailed(beside: pass),
                share: state.gate.failureShare
            )
            state.statistics.serverFailures[fault.label, default: 0] += 1
            state.gate.note(.failed(fault), of: pass, now: now, random: random)
            return (evidence, state.noticeOfOutage(message, settings: self.settings, now: now))
        }
        if let notice { self.onNotice(notice) }
        return blame.failed(
            mayBeItsOwn: fault.blame != nil, othersAnswered: evidence.answered, othersFailed: evidence.failed,
            failureShare: evidence.share)
    }

    /// Sends a tiny request, unless one is under way; the place of the request that failed is used for it.
    private func askWitness(for request: ChatRequest, _ blame: inout RequestBlame) async -> RequestBlame.Decision {
        let mayAsk = self.state.withLock { state in
            if state.witnessUnderWay { return false }
            state.witnessUnderWay = true
            state.statistics.witnesses += 1
            return true
        }
        guard mayAsk else { return .retry }
        let answered: Bool
        do throws(ChatFailure) {
            let form = self.state.withLock { $0[request.model].form }
            _ = try await self.client.complete(try ChatClient.witness(model: request.model), form: form)
            answered = true
        } catch {
            answered = false
        }
        self.state.withLock { state in
            state.witnessUnderWay = false
            if answered {
                state.gate.noteWitness()
                state[request.model].hasAnswered = true
            }
        }
        return blame.witness(answered: answered)
    }

    private func pause(_ seconds: Double) async throws(ChatFailure) {
        do {
            try await self.clock.sleep(seconds)
        } catch {
            throw .cancelled
        }
    }
}
