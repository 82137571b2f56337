// SPDX-License-Identifier: Apache-2.0

public import StatusServer

/// The status page: its files, the feed of what flows, and the answers to its questions. It only reads.
public struct StatusPage: Sendable {
    /// The feed of the newest state, made while somebody looks.
    public let feed: StatusFeed
    /// The paths of the page, for a server.
    public let routes: [StatusRoute]

    /// Makes a page.
    /// - Parameter interval: the time between two states.
    public init(_ sources: PageSources, every interval: Duration = .seconds(2)) {
        let states = StateReading(sources)
        let feed = StatusFeed(every: interval) { states.events() }
        let samples = SampleAnswers(sources, states)
        let letters = LetterAnswers(sources)
        self.feed = feed
        self.routes =
            PageAssets.routes + [
                StatusRoute("/events") { _ in .events(feed) },
                StatusRoute("/api/overview") { _ in .json(states.document()) },
                StatusRoute("/api/samples", answer: samples.search),
                StatusRoute("/api/sample", answer: samples.sample),
                StatusRoute("/api/lineage", answer: samples.lineage),
                StatusRoute("/api/rejects", answer: letters.search),
                StatusRoute("/api/reject", answer: letters.letter),
                StatusRoute("/api/origin", answer: letters.origin),
            ]
    }
}
