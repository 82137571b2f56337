// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
import RecordLog
import Records
import StatusServer
import Synchronization
import Telemetry

/// Makes the page's state from the log, the manifests and the figures of processes, one look after the other.
final class StateReading: Sendable {
    private struct Books {
        var rates = RateBook()
        var trainers = TrainerBook()
        var document: (time: Timestamp, bytes: Bytes)?
    }

    /// The milliseconds for which a state is not made again for those who ask for it.
    private static let documentAge: Timestamp = 1_000

    /// The manifests.
    let sets: SetReading
    private let sources: PageSources
    private let letters: LetterBook
    private let books = Mutex(Books())

    init(_ sources: PageSources) {
        self.sources = sources
        self.sets = SetReading(sources.log)
        self.letters = LetterBook(sources.log)
    }

    /// The events of a look: the state, which is told where it has changed, and the time of the look.
    func events() -> [StatusEvent] {
        var clock = JSONWriter()
        let now = self.sources.now()
        clock.object { $0.field("time", Int(now)) }
        return [StatusEvent("state", data: self.document()), StatusEvent("clock", data: clock.bytes)]
    }

    /// The state as JSON, made at most once a second.
    func document() -> Bytes {
        let now = self.sources.now()
        return self.books.withLock { books in
            if let known = books.document, known.time <= now, now - known.time < Self.documentAge { return known.bytes }
            let bytes = self.state(now, &books).json
            books.document = (now, bytes)
            return bytes
        }
    }

    // MARK: One look

    private func state(_ now: Timestamp, _ books: inout Books) -> PageState {
        var state = PageState()
        var problems: [String] = []
        /// A part that cannot be read is named, and leaves the rest as it is.
        func reading<Value>(_ empty: Value, _ body: () throws -> Value) -> Value {
            do {
                return try body()
            } catch {
                problems.append("\(error)")
                return empty
            }
        }
        let log = self.sources.log
        state.place = PageState.Place(home: self.sources.home, log: self.sources.logName)
        let figures = reading(FigureReading()) { try self.sources.figures() }
        problems += figures.refused
        let groups = reading([]) { try log.groups() }
        let names = reading((stages: [], setOwners: [:])) { try StageNames.read(log) }
        state.topologies = PageState.topologies(groups, names.stages, figures.figures) { try? log.offsets(of: $0) }
        Self.addRates(&state, &books.rates, now)
        state.processes = PageState.processes(figures.figures, groups)
        state.waits = PageState.waits(figures.figures)
        state.models = PageState.models(figures.figures)
        state.trainers = books.trainers.trainers(figures.figures)
        let sets = reading([]) { try self.sets.names() }
        self.sets.keep(sets)
        for name in sets {
            guard var set = reading(nil, { try self.sets.view(name) }) else { continue }
            set.owner = names.setOwners[name].map { "\($0.kind.rawValue) \($0.name)" }
            set.open = PageState.open(name, figures.figures)
            state.sets.append(set)
        }
        state.letters = reading([]) { try self.letters.letters(now) }
        let topics = Set(names.stages.compactMap(\.rejects)).sorted()
        state.rejects = topics.map { topic in
            PageState.Rejects(topic: topic, records: reading(0) { try LetterBook.records(of: topic, in: log) })
        }
        state.problems = problems
        return state
    }

    private static func addRates(_ state: inout PageState, _ rates: inout RateBook, _ now: Timestamp) {
        for (index, topology) in state.topologies.enumerated() {
            for (place, stage) in topology.stages.enumerated() {
                state.topologies[index].stages[place].rates = rates.rates(
                    of: stage.group, recordsIn: stage.recordsIn, recordsOut: stage.recordsOut,
                    rejected: stage.rejected, now: now)
                state.topologies[index].stages[place].history = rates.curve(of: stage.group)
            }
        }
        rates.keep(Set(state.topologies.flatMap(\.stages).map(\.group)))
    }
}
