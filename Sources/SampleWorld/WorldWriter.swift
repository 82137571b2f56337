// SPDX-License-Identifier: Apache-2.0

import Codecs
public import Foundation

/// Writes a small world in Ego4D's own file formats: `narration.json`, `ego4d.json`, `nlq_train.json`, `nlq_val.json`,
/// `nlq_test_unannotated.json`, `nlq_test.json`, `README.txt` and, if asked for, `features/<video_uid>.pt`; beside them
/// steps in the formats of Ego4D Goal-Step and of HoloAssist.
///
/// Every word in it is invented, and it holds nothing of the real data set. An event is a verb done to a noun;
/// narrations tell of events, human queries ask for the last event of a verb-noun pair in a clip of 480 s, and features
/// show the event's verb and noun while it lasts. A third of the pairs that val and test ask about is absent from train
/// queries, but narrated in videos of train or of no split.
///
/// One video is held in memory at a time, so worlds of millions of narrations can be written.
///
/// - Parameters:
///   - options: What to write. The same options give the same bytes.
///   - directory: Created if missing. Must be empty, or a sample world if `overwrite` is set.
///   - progress: Called after each video with the number of videos written and the number in all.
/// - Returns: Counts of what was written.
/// - Throws: `SampleWorldError`: an option out of range, a folder in use, or a file that cannot be written.
public func writeSampleWorld(
    _ options: SampleWorldOptions, to directory: URL, progress: (Int, Int) -> Void = { _, _ in }
) throws(SampleWorldError) -> SampleWorldSummary {
    try options.validate()
    let folder = try WorldFolder(directory, overwrite: options.overwrite, features: options.features)
    let writer = try WorldWriter(plan: WorldPlan(options: options), folder: folder)
    return try writer.write(progress: progress)
}

/// Goes through the videos once and appends each to all the files it belongs in.
final class WorldWriter {
    let plan: WorldPlan
    let folder: WorldFolder
    let narrations: JSONFile
    let metadata: JSONFile
    let train: JSONFile
    let val: JSONFile
    let testUnannotated: JSONFile
    let test: JSONFile
    let goalStepTrain: JSONFile
    let goalStepVal: JSONFile
    /// Those of HoloAssist, with the lists of the two parts.
    let sessions: JSONFile
    let sessionTrain: JSONFile
    let sessionVal: JSONFile
    var summary = SampleWorldSummary()
    private let narrationGrammar: NarrationGrammar
    private let queryGrammar: QueryGrammar
    private let synthesis: FeatureSynthesis?
    private var valDealer: EvaluationDealer
    private var testDealer: EvaluationDealer
    private var isAskedInTest: [Bool]

    init(plan: WorldPlan, folder: WorldFolder) throws(SampleWorldError) {
        self.plan = plan
        self.folder = folder
        let names = WorldFolder.jsonFiles + WorldFolder.lists
        func file(_ index: Int) throws(SampleWorldError) -> JSONFile {
            try JSONFile(folder.url.appendingPathComponent(names[index]))
        }
        self.narrations = try file(0)
        self.metadata = try file(1)
        self.train = try file(2)
        self.val = try file(3)
        self.testUnannotated = try file(4)
        self.test = try file(5)
        self.goalStepTrain = try file(6)
        self.goalStepVal = try file(7)
        self.sessions = try file(8)
        self.sessionTrain = try file(9)
        self.sessionVal = try file(10)
        self.narrationGrammar = NarrationGrammar(inventory: plan.inventory)
        self.queryGrammar = QueryGrammar(inventory: plan.inventory)
        let options = plan.options
        self.synthesis =
            options.features
            ? FeatureSynthesis(inventory: plan.inventory, seed: options.seed, noise: options.featureNoise) : nil
        self.valDealer = EvaluationDealer(plan: plan, split: .val)
        self.testDealer = EvaluationDealer(plan: plan, split: .test)
        self.isAskedInTest = [Bool](repeating: false, count: plan.inventory.pairs.count)
    }

    func write(progress: (Int, Int) -> Void) throws(SampleWorldError) -> SampleWorldSummary {
        self.beginFiles()
        for (index, split) in self.plan.splits.enumerated() {
            try self.write(VideoPlan(index: index, seed: self.plan.options.seed), split: split)
            progress(index + 1, self.plan.splits.count)
        }
        try self.endFiles()
        if self.plan.options.actionClips > 0 {
            try ActionWriter(self.plan.options, self.folder).write(into: &self.summary) { _ in }
            if self.plan.options.actionPairs {
                try ActionPairWriter(self.plan.options, self.folder).write(into: &self.summary)
            }
        }
        return try self.finish()
    }

    private var files: [JSONFile] {
        [
            self.narrations, self.metadata, self.train, self.val, self.testUnannotated, self.test, self.goalStepTrain,
            self.goalStepVal, self.sessions,
        ] + self.lists
    }

    private var lists: [JSONFile] { [self.sessionTrain, self.sessionVal] }

    private func beginFiles() {
        self.narrations.json.beginObject()
        self.beginMetadata()
        for file in [self.train, self.val, self.testUnannotated, self.test] { self.beginQueries(file) }
        self.beginGoalStep(self.goalStepTrain, split: "train")
        self.beginGoalStep(self.goalStepVal, split: "val")
        self.sessions.json.beginArray()
    }

    private func write(_ video: VideoPlan, split: NLQSplit) throws(SampleWorldError) {
        let dealt: [[Int]]
        switch split {
        case .none, .train: dealt = []
        case .val: dealt = video.clips.map { _ in self.valDealer.deal(count: self.plan.options.queriesPerClip) }
        case .test: dealt = video.clips.map { _ in self.testDealer.deal(count: self.plan.options.queriesPerClip) }
        }
        let events = self.plan.events(of: video, anchors: dealt)
        let passes = [1, 2].map { number in
            NarrationPass.exists(number: number, video: video, seed: self.plan.options.seed)
                ? NarrationPass(
                    number: number, video: video, events: events, grammar: self.narrationGrammar,
                    seed: self.plan.options.seed)
                : nil
        }
        self.writeNarrations(video, passes)
        self.writeMetadata(video, split)
        if split != .none { self.writeQueries(video, split, self.queries(video, split, events, dealt)) }
        let steps = VideoSteps(of: video, events: events, seed: self.plan.options.seed)
        self.writeGoalStep(video, split, steps)
        try self.writeSession(video, split, steps)
        for file in self.files { try file.flush() }
        if let synthesis { try self.writeFeatures(video, synthesis.features(of: video, events: events)) }
        self.summary.videos += 1
        self.summary.clips += video.clips.count
        self.summary.events += events.count { $0.clip != nil }
        self.summary.narrations += passes.reduce(0) { $0 + ($1?.lines.count ?? 0) }
    }

    /// The queries of each clip of a video that is in an NLQ split.
    private func queries(
        _ video: VideoPlan, _ split: NLQSplit, _ events: [WorldEvent], _ dealt: [[Int]]
    ) -> [ClipQueries] {
        let result = video.clips.indices.map { clip in
            let inside = events.filter { $0.clip == clip }
            var generator = self.plan.queryGenerator(video, clip: clip)
            let pairs =
                split == .train
                ? ClipQueries.trainPairs(
                    count: self.plan.options.queriesPerClip(in: split), events: inside, inventory: self.plan.inventory,
                    &generator
                )
                : dealt[clip]
            return ClipQueries(pairs: pairs, events: inside, grammar: self.queryGrammar, &generator)
        }
        let count = result.reduce(0) { $0 + $1.queries.count }
        switch split {
        case .none: break
        case .train:
            self.summary.trainVideos += 1
            self.summary.queries.train += count
        case .val:
            self.summary.valVideos += 1
            self.summary.queries.val += count
        case .test:
            self.summary.testVideos += 1
            self.summary.queries.test += count
            for query in result.flatMap(\.queries) { self.isAskedInTest[query.pair] = true }
        }
        return result
    }

    private func writeFeatures(_ video: VideoPlan, _ values: [Float]) throws(SampleWorldError) {
        let bytes = TorchArchive.bytes(
            of: values, rows: FeatureSynthesis.slots(in: video.duration), columns: FeatureSynthesis.dimensions)
        try self.folder.write(bytes, to: "\(WorldFolder.features)/\(video.uid).pt")
        self.summary.featureFiles += 1
        self.summary.bytes += bytes.count
    }

    private func endFiles() throws(SampleWorldError) {
        self.narrations.json.endObject()
        try self.endMetadata()
        for file in [self.train, self.val, self.testUnannotated, self.test] { self.endQueries(file) }
        for file in [self.goalStepTrain, self.goalStepVal] { self.endGoalStep(file) }
        self.sessions.json.endArray()
        for file in self.files {
            try file.close()
            self.summary.bytes += file.bytesWritten
        }
    }

    private func finish() throws(SampleWorldError) -> SampleWorldSummary {
        let seen = Set(self.plan.seenPairs)
        self.summary.testPairs = self.isAskedInTest.count { $0 }
        self.summary.unseenTestPairs = self.isAskedInTest.indices.count { self.isAskedInTest[$0] && !seen.contains($0) }
        self.summary.files = [WorldFolder.readMe] + WorldFolder.jsonFiles + WorldFolder.lists + self.summary.files
        var text = self.readMe()
        if self.plan.options.actionClips > 0 { text += ActionWriter.readMe(self.plan.options, self.summary) }
        if self.summary.actionPairs > 0 { text += ActionPairWriter.readMe(self.summary) }
        try self.folder.write(text, to: WorldFolder.readMe)
        self.summary.bytes += text.utf8.count
        return self.summary
    }
}
