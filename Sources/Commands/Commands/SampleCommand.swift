// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import SampleWorld

/// `millrace sample`
struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Write a small world in Ego4D's file formats, features included.",
        discussion: """
            Narrations, metadata, clips, Natural Language Queries splits and features of invented videos, and steps in the \
            formats of Goal-Step and HoloAssist: enough to try every command without a download. The same options give the \
            same bytes.

            EXAMPLES
              millrace sample --output world
              millrace sample --output big --videos 4100 --no-features
              millrace sample --output world --videos 3 --action-clips 40
            """)

    @Option(help: ArgumentHelp("The folder to write, which must be empty or not exist.", valueName: "dir"))
    var output: String

    @Option(help: "Number of videos.")
    var videos = 24

    @Option(help: "Seed that the world is drawn from.")
    var seed: UInt64 = 1

    @Option(help: "Natural-language queries a clip, in the clips that have them.")
    var queriesPerClip = 12

    @Option(help: "The same for the clips of the train split; by default as many as in the others.")
    var trainQueriesPerClip: Int?

    @Flag(inversion: .prefixedNo, help: "Write the features, about 1 MB a clip.")
    var features = true

    @Option(
        help: "Clips with action segments, for long-term anticipation; the other files are the same with and without.")
    var actionClips = 0

    @Flag(help: "Render those clips, too: moving shapes, as tensors of bytes, 1.7 MB a clip.")
    var actionFrames = false

    @Flag(help: "Write pairs of frames of them, in LEGO's format, 7 KB a segment.")
    var actionPairs = false

    @Flag(help: "Replace an earlier sample world in the folder.")
    var overwrite = false

    func validate() throws {
        if self.actionFrames, self.actionClips == 0 { throw ValidationError("--action-frames wants --action-clips.") }
        if self.actionPairs, self.actionClips == 0 { throw ValidationError("--action-pairs wants --action-clips.") }
        if self.videos < 3 { throw ValidationError("--videos wants at least 3, so that every split has one.") }
    }

    func run() throws {
        try CommandFailure.reporting {
            let options = SampleWorldOptions(
                videos: self.videos, seed: self.seed, features: self.features, queriesPerClip: self.queriesPerClip,
                overwrite: self.overwrite, trainQueriesPerClip: self.trainQueriesPerClip, actionClips: self.actionClips,
                actionFrames: self.actionFrames, actionPairs: self.actionPairs)
            let progress = ProgressReporter()
            var rate = WorkingRate()
            let folder = URL(fileURLWithPath: self.output)
            let summary = try writeSampleWorld(options, to: folder) { done, total in
                rate.add(done, at: progress.elapsed)
                progress.show { _ in "sample: \(done) of \(total) videos\(rate.left(total - done))" }
            }
            progress.finish()
            try Results.line(
                """
                \(self.output): \(summary.videos) videos, \(summary.clips) clips, \(summary.narrations) narrations, queries: \
                \(summary.queries.train) train, \(summary.queries.val) val, \(summary.queries.test) test
                """)
            if summary.actionClips > 0 {
                try Results.line("actions: \(summary.actions) segments in \(summary.actionClips) clips of their own")
            }
            if summary.actionPairs > 0 { try Results.line("pairs of frames: \(summary.actionPairs)") }
        }
    }
}
