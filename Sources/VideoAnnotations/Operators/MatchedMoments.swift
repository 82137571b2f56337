// SPDX-License-Identifier: Apache-2.0

/// Chooses for each narration of a video a moment whose length is drawn from a reference.
///
/// A moment is one narration or a run of consecutive ones about one thing or one activity: each shares a word with what
/// the run has said so far, with at most two others between them. Its window covers all of the run and no other
/// narration's time, and lies in the clip.
///
/// In a source with intervals, the window is the interval, or what the intervals of a run reach over: the draw
/// selects among these and never shortens one. Elsewhere the window is as long as the draw, around the run's times.
///
/// Draws are keyed by the video, the pass and the narration's index. One that no moment here has is drawn again, up to
/// `drawsMax` times; so lengths that are rare here come less often than in the reference, and no others.
struct MatchedMoments {
    /// The moment of a narration.
    struct Moment: Hashable {
        /// Its window, in seconds of the video.
        var window: Interval
        /// The places of the other narrations that it covers.
        var others: [Int]
    }

    /// The draws for a narration.
    static let drawsMax = 16
    /// The factor by which the length of an interval may differ from the draw that selects it.
    static let likeness = 1.5
    /// The narrations of a run.
    static let runMax = 40
    /// The narrations about something else that may stand between two of a run.
    static let interruptionsMax = 2
    /// The part of a gap, and the seconds, by which a window stays away from another narration's time.
    private static let (marginShare, marginMax) = (0.1, 0.05)

    private let narrations: [Narration]
    /// The places of the narrations, by time.
    private let order: [Int]
    private let words: [MomentWords]
    private let lengths: Spread
    private let usesIntervals: Bool

    /// Looks at a video's narrations.
    /// - Parameter usesIntervals: takes the intervals that the source gives; narrations without one have no moment.
    init(of narrations: [Narration], lengths: Spread, usesIntervals: Bool) {
        self.narrations = narrations
        self.order = narrations.indices.sorted {
            (narrations[$0].timestampSec, $0) < (narrations[$1].timestampSec, $1)
        }
        self.words = narrations.map { MomentWords($0.text) }
        self.lengths = lengths
        self.usesIntervals = usesIntervals
    }

    /// The moments, one for each narration, in their order; `nil` where no draw found one.
    /// A narration in no clip has its moment in the whole video.
    func moments(in video: Video) -> [Moment?] {
        var index = ClipIndex(video.clips)
        let whole = Interval(0, video.durationSec ?? .infinity)
        var moments = [Moment?](repeating: nil, count: self.narrations.count)
        for place in self.order.indices {
            let narration = self.narrations[self.order[place]]
            let time = narration.timestampSec
            let clip = index.first(containing: Interval(time, time)).map { index.clips[$0].span } ?? whole
            let candidates = self.candidates(at: place, in: clip)
            var draw = StableHash("moment", narration.videoUID, String(narration.pass), String(narration.index))
            for _ in 0..<Self.drawsMax where !candidates.isEmpty {
                let length = self.lengths.quantile(draw.share())
                guard let moment = self.moment(of: candidates, length: length, at: place) else { continue }
                moments[self.order[place]] = moment
                break
            }
        }
        return moments
    }

    // MARK: Candidates

    /// A run from a place on, and the lengths that a window over it may have.
    private struct Candidate {
        /// The place in the order of its last narration.
        let last: Int
        /// The times that the window has to cover.
        let span: Interval
        /// The times that it may cover.
        let bounds: Interval
    }

    /// The runs that begin at a place, the shortest first.
    private func candidates(at place: Int, in clip: Interval) -> [Candidate] {
        guard var span = self.span(at: place) else { return [] }
        var candidates: [Candidate] = []
        var words = self.words[self.order[place]]
        var interruptions = 0
        var last = place
        var reach = span
        let longest = self.lengths.quantile(1) * Self.likeness
        while true {
            if last == place || interruptions == 0 {
                span = reach
                if clip.contains(span), let bounds = self.bounds(place...last, span, clip) {
                    candidates.append(Candidate(last: last, span: span, bounds: bounds))
                }
            }
            last += 1
            guard last < self.order.count, last - place < Self.runMax, let next = self.span(at: last) else { break }
            reach = Interval(min(reach.start, next.start), max(reach.end, next.end))
            guard reach.length <= longest, clip.contains(reach) else { break }
            if words.isAbout(self.words[self.order[last]]) {
                words.add(self.words[self.order[last]])
                interruptions = 0
            } else {
                interruptions += 1
                if interruptions > Self.interruptionsMax { break }
            }
        }
        return candidates
    }

    /// The time that a narration itself takes; `nil` where the source should give an interval and does not.
    private func span(at place: Int) -> Interval? {
        let narration = self.narrations[self.order[place]]
        guard self.usesIntervals else { return Interval(narration.timestampSec, narration.timestampSec) }
        guard let interval = narration.annotated, interval.length > 0, interval.length.isFinite else { return nil }
        return interval
    }

    /// The times between the neighbours of a run, a little away from them, and in the clip.
    private func bounds(_ run: ClosedRange<Int>, _ span: Interval, _ clip: Interval) -> Interval? {
        if self.usesIntervals { return span }
        var bounds = clip
        if run.lowerBound > 0 {
            let before = self.narrations[self.order[run.lowerBound - 1]].timestampSec
            bounds.start = max(
                bounds.start, before + min(Self.marginMax, Self.marginShare * (span.start - before)))
        }
        if run.upperBound + 1 < self.order.count {
            let after = self.narrations[self.order[run.upperBound + 1]].timestampSec
            bounds.end = min(bounds.end, after - min(Self.marginMax, Self.marginShare * (after - span.end)))
        }
        return bounds.start <= span.start && bounds.end >= span.end && bounds.length > 0 ? bounds : nil
    }

    // MARK: Choice

    private func moment(of candidates: [Candidate], length: Double, at place: Int) -> Moment? {
        guard length > 0 else { return nil }
        let found: (Candidate, Interval)?
        if self.usesIntervals {
            let nearest = candidates.min { Self.ratio($0.span, length) < Self.ratio($1.span, length) }
            found = nearest.flatMap { Self.ratio($0.span, length) <= Self.likeness ? ($0, $0.span) : nil }
        } else {
            found =
                candidates.lazy.compactMap { candidate in
                    Self.window(around: candidate, length: length).map { (candidate, $0) }
                }.first
        }
        guard let (candidate, window) = found else { return nil }
        let others = (place...candidate.last).dropFirst().map { self.order[$0] }
        return Moment(window: window, others: others)
    }

    /// The longer one in multiples of the shorter.
    private static func ratio(_ span: Interval, _ length: Double) -> Double {
        max(span.length / length, length / span.length)
    }

    /// A window of a length around a run, moved as far as its bounds want; `nil` where it does not fit.
    private static func window(around candidate: Candidate, length: Double) -> Interval? {
        let (span, bounds) = (candidate.span, candidate.bounds)
        guard length >= span.length, length <= bounds.length else { return nil }
        let middle = (span.start + span.end) / 2
        let start = max(bounds.start, min(middle - length / 2, bounds.end - length))
        let window = Interval(start, start + length)
        // Sums are rounded: what a window must cover or stay within it does.
        return window.length > 0 && window.start <= span.start && window.end >= span.end
            && window.end <= bounds.end ? window : Self.rounded(window, span, bounds)
    }

    private static func rounded(_ window: Interval, _ span: Interval, _ bounds: Interval) -> Interval? {
        let window = Interval(
            max(min(window.start, span.start), bounds.start), min(max(window.end, span.end), bounds.end))
        return window.length > 0 ? window : nil
    }
}
