// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import Shards
import Testing
import ToyNetwork

@testable import Training

/// Reads lines such as `{"s":"a","n":3,"last":true}`; one without `n` holds no sample.
private struct WaveReader: SampleReading {
    typealias Counts = SampleTally

    func sample(_ line: Bytes) -> ToyNetwork.Sample? {
        guard let json = try? JSONValue(parsing: line), let sequence = json["s"]?.string, let number = json["n"]?.int
        else { return nil }
        let x = Float((number * 7 + sequence.utf8.reduce(0) { $0 + Int($1) }) % 11) / 11
        return ToyNetwork.Sample(id: "\(sequence)\(number)", x: x, y: 0.5 * x + 0.1 * Float(number))
    }

    func place(_ line: Bytes) -> SequencePlace? {
        guard let json = try? JSONValue(parsing: line), let sequence = json["s"]?.string else { return nil }
        return SequencePlace(sequence, isLast: json["last"] == .bool(true))
    }
}

/// Whole sequences from shards, of a set that is all there and of one that grows.
@Suite struct ShardSequenceTests {
    private let root: URL
    private let shelf: ShardShelf

    init() throws {
        self.root = FileManager.default.temporaryDirectory.appending(path: "sequences-\(UUID())")
        self.shelf = try ShardShelf("waves", folder: self.root.appending(path: "shards").path)
    }

    /// Publishes lines such as `a0`, `b3!`, the last of `b`, and `c!`, an end without a sample.
    private func publish(_ lines: String) throws {
        try self.shelf.publish(
            lines.split(separator: " ").map { line in
                let number = line.filter(\.isNumber), last = line.hasSuffix("!")
                let members = [
                    #""s":"\#(line.filter(\.isLetter))""#, number.isEmpty ? nil : #""n":\#(number)"#,
                    last ? #""last":true"# : nil,
                ]
                return Bytes("{\(members.compactMap(\.self).joined(separator: ","))}".utf8)
            })
    }

    private func options(_ steps: Int) -> TrainingOptions {
        var options = TrainingOptions(source: "waves", steps: steps)
        options.batchSize = 3
        options.segmentSteps = 6
        options.learningRate = 0.02
        options.clipNorm = 100
        return options
    }

    private func training(
        _ name: String, steps: Int = 30, following plan: String? = nil, threads: Int = 1, isWaiting: Bool = false,
        pause: @escaping (String) -> Bool = { _ in false }
    ) throws -> ShardTraining<ToyNetwork, WaveReader> {
        var schedule = Trainer<ToyNetwork>.Schedule()
        schedule.checkpointSteps = 4
        let parts = Trainer.Parts(
            network: ToyNetwork(threads: threads), options: self.options(steps),
            folder: CheckpointFolder(path: self.folder(name), keep: 100), schedule: schedule)
        return try ShardTraining(
            self.shelf.tail(), storage: self.shelf.storage, reader: WaveReader(), parts,
            following: plan.map { self.folder($0) + "/plan.jsonl" },
            waiting: ShardWaiting(isAllowed: isWaiting, pause: pause, onSight: { _ in }))
    }

    private func folder(_ name: String) -> String { self.root.appending(path: name).path }

    private func bits(_ name: String, _ step: Int = 30) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: self.folder(name) + "/" + CheckpointFolder.name(step: step)))
    }

    /// The draws of a run's steps, as the source makes them.
    private func draws(_ steps: Int, isWaiting: Bool, onStep: (Int) throws -> Void = { _ in }) throws -> [[String]] {
        let source = try self.source(steps, isWaiting: isWaiting)
        return try (0..<steps).map { step in
            try onStep(step)
            return try self.draws(step, of: source)
        }
    }

    private func draws(_ step: Int, of source: ShardSource<WaveReader>) throws -> [String] {
        _ = try source.enter(step: step)
        return try source.draws(step: step).map { ($0.beginsSequence ? "|" : "") + $0.sample.id }
    }

    private func source(_ steps: Int, isWaiting: Bool) throws -> ShardSource<WaveReader> {
        let index = SampleIndex(
            try self.shelf.tail(), storage: self.shelf.storage, reader: WaveReader(), order: .sequences)
        return try ShardSource(
            index, folder: self.folder("draws-\(UUID())"), options: self.options(steps),
            waiting: ShardWaiting(isAllowed: isWaiting, pause: { _ in false }, onSight: { _ in }))
    }

    /// The sequences that each slot walks through, from draws; the last of a slot may be cut by the end of the run.
    private func walks(_ draws: [[String]]) -> [[String]] {
        (0..<3).map { slot in
            draws.map { $0[slot] }.joined(separator: " ").split(separator: "|").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
        }
    }

    @Test func aSetThatIsAllThereIsWalkedThroughSequenceBySequence() throws {
        try self.publish("a0 b0 a1 b1 c0")
        try self.publish("a2! b2 c1 c2 d0! b3!")
        let walks = self.walks(try self.draws(60, isWaiting: false))
        let whole: Set = ["a0 a1 a2", "b0 b1 b2 b3", "c0 c1 c2", "d0"]
        for walk in walks { #expect(walk.dropLast().allSatisfy(whole.contains), "\(walk)") }
        #expect(Set(walks.joined()).isSuperset(of: whole), "c never ends, and the set is finished")
    }

    @Test func anyStepCanBeAskedForInAnyOrder() throws {
        try self.publish("a0 b0 a1 b1 c0 a2! b2 c1 c2 d0! b3!")
        let source = try self.source(30, isWaiting: false)
        let all = try (0..<30).map { try self.draws($0, of: source) }
        for step in [29, 3, 4, 17, 16, 0] { #expect(try self.draws(step, of: source) == all[step]) }
    }

    @Test func aSetThatGrowsGivesWhatIsWhole() throws {
        try self.publish("a0 b0 a1! c0")
        var lands = ["b1 c1 d0!", "b2! c!"]
        let draws = try self.draws(48, isWaiting: true) { step in
            if step == 8 || step == 20 { try self.publish(lands.removeFirst()) }
        }
        let walks = self.walks(draws)
        let before = Set(draws.prefix(12).joined().map { $0.filter(\.isLetter) })
        #expect(before == ["a"], "neither b nor c has ended; what comes is drawn from the next segment on")
        let whole: Set = ["a0 a1", "b0 b1 b2", "c0 c1", "d0"]
        for walk in walks { #expect(walk.dropLast().allSatisfy(whole.contains), "\(walk)") }
        #expect(Set(walks.joined()).isSuperset(of: whole), "an end without a sample is an end")
    }

    @Test func stoppedAnywhereItEndsWithTheSameBitsOnOneThreadAndTwo() throws {
        try self.publish("a0 b0 a1 b1 c0")
        try self.publish("a2! b2 c1 c2 d0! b3!")
        _ = try self.training("whole").trainer.run(isStopping: { false }, onEvent: { _ in })
        for stop in [1, 5, 6, 7, 13, 29, 30] {
            let training = try self.training("stopped", threads: stop % 2 + 1)
            _ = try training.trainer.run(isStopping: { training.trainer.step >= stop }, onEvent: { _ in })
        }
        #expect(try self.bits("stopped") == self.bits("whole"))
        // The second run had what the first found of the shards.
        let index = try String(contentsOfFile: self.folder("stopped") + "/samples.index", encoding: .utf8)
        #expect(index.split(separator: "\n").count == 2 && index.contains("\"stretches\""))
        let plan = try String(contentsOfFile: self.folder("whole") + "/plan.jsonl", encoding: .utf8)
        #expect(plan.split(separator: "\n").allSatisfy { $0.contains("\"finished\":true") })
    }

    @Test func aRunOverAGrowingSetIsRepeatedByItsPlan() throws {
        try self.publish("a0 b0 a1! c0")
        var lands = ["b1 c1 d0!", "b2!", "e0 e1 e2! c2!"]
        let online = try self.training("online", isWaiting: true)
        _ = try online.trainer.run(isStopping: { false }) { event in
            guard case .step(let step) = event, step.step % 7 == 0, !lands.isEmpty else { return }
            #expect(throws: Never.self) { try self.publish(lands.removeFirst()) }
        }
        let plan = try PlanJournal(following: self.folder("online") + "/plan.jsonl").segments
        #expect(Set(plan.map(\.shards)).count > 2 && plan.allSatisfy { $0.isFinished == nil })
        // All is there now, and is not looked at before its time; the repetition is stopped on the way.
        for stop in [3, 12, 20, 30] {
            let again = try self.training("again", following: "online")
            _ = try again.trainer.run(isStopping: { again.trainer.step >= stop }, onEvent: { _ in })
        }
        #expect(try self.bits("again") == self.bits("online"))
    }

    @Test func aWaitSaysWhatItIsFor() throws {
        var wants: [String] = []
        func outcome(_ steps: Int, following plan: String? = nil) throws -> TrainingOutcome {
            let training = try self.training("run-\(plan ?? "own")", steps: steps, following: plan, isWaiting: true) {
                wants.append($0)
                guard wants.count < 3 else { return false }
                #expect(throws: Never.self) { try self.publish(wants.count == 1 ? "a0 b0" : "a1!") }
                return true
            }
            return try training.trainer.run(isStopping: { false }, onEvent: { _ in })
        }
        #expect(try outcome(6) == .finished)
        #expect(
            wants == [
                "for samples: 0 shards are committed, and no sample of theirs can be used",
                "for the end of a sequence: 1 shards are committed, and none of their 2 sequences has ended",
            ])
        var segment = try PlanJournal(following: self.folder("run-own") + "/plan.jsonl").segments[0]
        segment.shards = 9
        try PlanJournal(folder: self.folder("later")).append(segment)
        #expect(try outcome(6, following: "later") == .stopped)
        #expect(wants.last == "for shards of the plan: its segment 0 looks at 9, and 2 are committed")
    }

    @Test func withoutASequenceThereIsNothingToTrainOn() throws {
        try self.shelf.publish([Bytes(#"{"n":1}"#.utf8), Bytes(#"{"s":"a"}"#.utf8)])
        let error = #expect(throws: TrainingError.self) {
            try self.training("run").trainer.run(isStopping: { false }, onEvent: { _ in })
        }
        #expect(error?.code == .noSamples && error?.message.contains("2 malformed") == true)
    }

    @Test func segmentsOfSinglesAreWrittenAsBefore() throws {
        let journal = try PlanJournal(folder: self.folder("plan"))
        try journal.append(Segment(segment: 0, firstStep: 0, steps: 6, shards: 3, samples: 382, digest: "d"))
        let line = try String(contentsOfFile: self.folder("plan") + "/plan.jsonl", encoding: .utf8)
        #expect(line == #"{"digest":"d","first_step":0,"samples":382,"segment":0,"shards":3,"steps":6}"# + "\n")
    }
}
