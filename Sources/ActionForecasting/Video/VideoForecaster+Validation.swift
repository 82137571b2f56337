// SPDX-License-Identifier: Apache-2.0

public import Training

extension VideoForecaster {
    /// Tells which validation windows have no pixels.
    public func gaps(in windows: [ForecastWindow]) throws -> [String] {
        let missing = windows.count { !self.loader.has($0) }
        guard missing < windows.count else {
            throw TrainingError(
                .noSamples,
                "no validation window can be answered, so that no checkpoint could be told to be the best: "
                    + (windows.isEmpty ? "there is none" : "none has pixels")
                    + "; bring their clips to \(self.loader.frames.folder), or do not validate")
        }
        return missing == 0 ? [] : ["of \(windows.count) validation windows, \(missing) without pixels"]
    }

    /// Answers windows, clip after clip, each clip's in their order, as many clips side by side as there are slots. All
    /// that was remembered before is forgotten.
    /// - Parameter progress: called with the number of windows that are done.
    /// - Returns: the logits by the windows' places; `nil` for those without pixels.
    public func answers(
        _ windows: [ForecastWindow], progress: (Int) -> Void = { _ in }
    ) throws -> [ForecastLogits?] {
        let team = try self.startThreads()
        var done = 0
        self.forget()
        var clips: [(uid: String, places: [Int])] = [], known: [String: Int] = [:]
        for (place, window) in windows.enumerated() where self.loader.has(window) {
            if let clip = known[window.clipUID] {
                clips[clip].places.append(place)
            } else {
                known[window.clipUID] = clips.count
                clips.append((window.clipUID, [place]))
            }
        }
        var answers = [ForecastLogits?](repeating: nil, count: windows.count)
        for start in stride(from: 0, to: clips.count, by: self.description.streams) {
            let group = clips[start..<min(start + self.description.streams, clips.count)]
            for turn in 0..<(group.map(\.places.count).max() ?? 0) {
                let draws = group.enumerated().filter { turn < $0.element.places.count }.map { slot, clip in
                    (
                        place: clip.places[turn],
                        draw: Draw(windows[clip.places[turn]], slot: slot, beginsSequence: turn == 0)
                    )
                }
                let batch = try self.loader.batch(draws.map(\.draw), StepKey(seed: 0, step: 0), on: team)
                for (place, logits) in zip(draws.map(\.place), try self.predict(batch)) { answers[place] = logits }
                done += draws.count
                progress(done)
            }
        }
        return answers
    }

    /// Draws candidates for windows, in their order; none for those without pixels.
    /// - Parameter progress: called with the number of windows that are done.
    public func forecasts(
        _ windows: [ForecastWindow], count: Int, seed: UInt64, progress: (Int) -> Void = { _ in }
    ) throws -> [[[Action]]] {
        zip(windows, try self.answers(windows, progress: progress)).map { window, logits in
            logits.map { ForecastDraw.candidates(count, of: $0, key: window.key, seed: seed) } ?? []
        }
    }

    /// Answers the validation windows, each of which counts the same; one without pixels misses everything. The best
    /// checkpoint is chosen by one less ED@Z, the mean of verbs and nouns: of one that recognises, the share of right
    /// ones.
    public func evaluate(_ windows: [ForecastWindow]) throws -> Verdict<ForecastScores> {
        var scores = ForecastScores(steps: self.description.forecast.futures), answered = 0
        let count = self.description.subject == .future ? Self.candidates : 1
        for (window, logits) in zip(windows, try self.answers(windows)) {
            guard let truth = self.loader.truth(of: window) else { continue }
            if logits != nil { answered += 1 }
            let candidates = logits.map { ForecastDraw.candidates(count, of: $0, key: window.key, seed: 0) }
            scores.add(candidates ?? [], truth: truth)
        }
        guard answered > 0, let verb = scores.verb.distance, let noun = scores.noun.distance else {
            return Verdict(scores, score: nil)
        }
        return Verdict(scores, score: 1 - (verb + noun) / 2)
    }
}
