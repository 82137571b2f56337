// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Records
import VideoAnnotations

/// A memory of the queries asked before, by video and pass, for as many videos as it may remember.
///
/// Videos may come interleaved; the one whose last query is the longest ago is forgotten first, and of a video the
/// oldest queries. So what is kept is bounded. Its state is one entry a video and pass.
struct QueryMemory: Sendable {
    /// The meaning of the same question in the same clip.
    enum ClipRule: String, Choice {
        /// Nothing.
        case off
        /// It is a duplicate where its window is the same, too.
        case sameWindow = "same-window"
        /// It is a duplicate.
        case anyWindow = "any-window"
    }

    /// The rules of what counts as a duplicate, and how much is remembered.
    struct Rules: Sendable {
        /// The meaning of the same or nearly the same question in the same clip.
        var clip = ClipRule.anyWindow
        /// The similarity of two questions, 0…1, that count as nearly the same (`QueryGist`); 0 where none do.
        var similarity = 0.85
        /// The number of times a question, or one nearly the same, may be asked in a video; 0 is without limit.
        var repeatsMax = 3
        /// The videos and passes that are remembered.
        var videosMax = 64
        /// The queries of each that are remembered.
        var queriesMax = 4096
    }

    struct Name: Hashable, Sendable {
        let videoUID: String
        let pass: Int
    }

    /// A query that was asked.
    struct Asked: Sendable {
        /// The clip, by its place in `Memory.clips`.
        let clip: Int
        /// The hash of the normalized text.
        let query: UInt64
        let window: Interval
        let gist: QueryGist
    }

    /// The memory of one video.
    struct Memory: Sendable {
        /// Grows with every change of video, for finding the one that is the longest ago.
        var lastSeen: Int
        /// The clips, by uid, in the order in which they came.
        var clips: [String] = []
        /// The queries, the oldest first.
        var asked: [Asked] = []
    }

    let rules: Rules
    var videos: [Name: Memory] = [:]
    var newest: Name?
    var clock = 0
    var changed: Set<Name> = []
    var forgotten: Set<Name> = []

    init(_ rules: Rules) { self.rules = rules }

    /// Finds what speaks against an otherwise good query; one that nothing speaks against is remembered.
    mutating func judge(_ proposal: Proposal, of block: Block, window: Interval) -> Verdict? {
        let name = Name(videoUID: block.videoUID, pass: block.pass)
        let query = StableHash(proposal.normalized).value
        let gist = QueryGist(proposal.words)
        if let verdict = self.verdict(query, gist, window, clip: block.clip.clipUID, of: name) { return verdict }
        self.remember(query, gist, window, clip: block.clip.clipUID, of: name)
        return nil
    }

    private func verdict(_ query: UInt64, _ gist: QueryGist, _ window: Interval, clip: String, of name: Name)
        -> Verdict?
    {
        guard let memory = self.videos[name] else { return nil }
        let clip = memory.clips.firstIndex(of: clip)
        var repeats = 0
        var near: Asked?
        for asked in memory.asked {
            let isSame = asked.query == query
            guard isSame || self.isNear(asked.gist, gist) else { continue }
            repeats += 1
            guard asked.clip == clip, self.countsInClip(asked.window, window) else { continue }
            if isSame { return Verdict(.duplicateInClip, .rejected("the clip has it already")) }
            if near == nil { near = asked }
        }
        if let near {
            return Verdict(
                .nearDuplicateInClip, .rejected("the clip has nearly the same already (\"\(near.gist.text)\")"))
        }
        guard self.rules.repeatsMax > 0, repeats >= self.rules.repeatsMax else { return nil }
        return Verdict(.repeatedInVideo, .rejected("the video has it, or nearly the same, \(repeats) times already"))
    }

    private func isNear(_ asked: QueryGist, _ gist: QueryGist) -> Bool {
        self.rules.similarity > 0 && asked.isAlike(gist, by: self.rules.similarity)
    }

    private func countsInClip(_ asked: Interval, _ window: Interval) -> Bool {
        switch self.rules.clip {
        case .off: false
        case .sameWindow: asked == window
        case .anyWindow: true
        }
    }

    private mutating func remember(
        _ query: UInt64, _ gist: QueryGist, _ window: Interval, clip: String, of name: Name
    ) {
        if self.newest != name {
            self.clock += 1
            self.newest = name
            self.videos[name, default: Memory(lastSeen: self.clock)].lastSeen = self.clock
            self.forgotten.remove(name)
            self.forgetOldest()
        }
        self.videos[name]?.add(query, gist, window, clip: clip, max: self.rules.queriesMax)
        self.changed.insert(name)
    }

    mutating func forgetOldest() {
        while self.videos.count > self.rules.videosMax {
            guard let oldest = self.videos.min(by: { $0.value.lastSeen < $1.value.lastSeen })?.key else { return }
            self.videos[oldest] = nil
            self.changed.remove(oldest)
            self.forgotten.insert(oldest)
        }
    }
}

extension QueryMemory.Memory {
    mutating func add(_ query: UInt64, _ gist: QueryGist, _ window: Interval, clip: String, max: Int) {
        let number: Int
        if let known = self.clips.lastIndex(of: clip) {
            number = known
        } else {
            number = self.clips.count
            self.clips.append(clip)
        }
        self.asked.append(QueryMemory.Asked(clip: number, query: query, window: window, gist: gist))
        if self.asked.count > max { self.asked.removeFirst(self.asked.count - max) }
    }
}
