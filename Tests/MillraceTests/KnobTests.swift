// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import MomentLocalization
import MomentQueries
import TaskRooms
import Testing

@testable import Commands

/// Each complaint of `profile` and `train` names what moves it.
@Suite("Knobs")
struct KnobTests {
    /// The fields of the steps, by the step's name.
    private static func fields() throws -> [String: Set<String>] {
        try Tasks.check()
        let registry = Tasks.registered.operators
        return Dictionary(
            uniqueKeysWithValues: registry.names.map { name in
                (name, Set(registry.overloads(named: name).flatMap { $0.specification.fields.map(\.name) }))
            })
    }

    /// The options of the commands that train, and of those that a knob may name beside them.
    private static func options() throws -> Set<String> {
        let bench = try Workbench()
        var options: Set<String> = []
        for command in ["train", "finetune", "experiment", "ingest ego4d", "ingest epic-kitchens"] {
            let help = try bench.expect(0, command.split(separator: " ").map(String.init) + ["--help"]).outputText
            options.formUnion(help.matches(of: #/--[a-z][a-z-]*/#).map { String($0.0) })
        }
        return options
    }

    @Test("Each figure of a profile has its knob, and each knob is a field of a step that there is")
    func profile() throws {
        var profile = QueryProfile()
        profile.add("where is it", template: nil, video: "v", seconds: 1)
        let measures = profile.measures()
        #expect(measures.count > 15)
        for measure in measures { #expect(ProfileKnob.of(measure.name) != nil, "\(measure.name)") }
        #expect(Set(ProfileKnob.names) == Set(measures.map(\.name)).union(["duplicates"]))
        let fields = try Self.fields()
        for name in ProfileKnob.names {
            let knob = try #require(ProfileKnob.of(name))
            #expect(!knob.settings.isEmpty && knob.text.contains(knob.settings[0].field))
            for setting in knob.settings {
                #expect(fields[setting.step]?.contains(setting.field) == true, "\(name): \(setting)")
            }
        }
    }

    @Test("The profile of a set prints them, and fits 80 columns")
    func printed() throws {
        let bench = try Workbench(videos: 4)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology("naq"))
        let text = try bench.succeed("profile", "naq")
        text.prints("these fields of the topology's steps move what is off:", "`prompt`: template")
        let knobs = text.outputLines.drop { !$0.hasPrefix("these fields") }.prefix { !$0.contains("the furthest off") }
        for line in knobs { #expect(line.count <= 80, "\(line)") }
        let json = try JSONTree(try bench.succeed("profile", "naq", "--json").outputText)
        #expect(json["measures"].array.allSatisfy { $0["knob"].string?.isEmpty == false })
    }

    @Test("Each reason to pass over a sample names an option or a field of a step", arguments: SkippedSample.allCases)
    func skipped(reason: SkippedSample) throws {
        let options = try Self.options()
        let named = reason.knob.matches(of: #/--[a-z][a-z-]*/#).map { String($0.0) }
        for option in named { #expect(options.contains(option), "\(option)") }
        let steps = try Self.fields().keys.filter { reason.knob.contains("`\($0)") || reason.knob.contains("`\($0):") }
        #expect(!named.isEmpty || !steps.isEmpty, "\(reason.knob)")
    }

    @Test("Each complaint of training says what to do about it, and options that it names are there")
    func training() throws {
        let options = try Self.options()
        let sources = MillraceProcess.packageFolder.appendingPathComponent("Sources")
        let folders = [
            "Training", "MomentLocalization/Training", "MomentLocalization/Experiment", "MomentQueries/Training",
        ]
        // Messages that another place has worded already.
        let made = #/TrainingError\(\s*\.?[^"]*?,\s*(?:error\.message|problem\.message|FileFailure)/#
        let remedies =
            #/--[a-z]|\b(?:[Nn]ame|restore|[Rr]estore|remove|lower|Lower|look at|check|bring|give|start|wait|choose|write|make|free|[Rr]un|shows a plan)\b|remedy/#
        var count = 0
        for folder in folders {
            let url = sources.appendingPathComponent(folder)
            for name in try FileManager.default.contentsOfDirectory(atPath: url.path) where name.hasSuffix(".swift") {
                let text = try String(contentsOf: url.appendingPathComponent(name), encoding: .utf8)
                for part in text.components(separatedBy: "TrainingError(").dropFirst()
                where part.hasPrefix("\n") || part.hasPrefix(".") {
                    // Up to the end of the statement, most often a line with the closing brackets alone.
                    let message = part.prefix(700).components(separatedBy: "\n        }")[0].components(
                        separatedBy: "\n\n")[0]
                    guard message.contains("\""), ("TrainingError(" + message).firstMatch(of: made) == nil else {
                        continue
                    }
                    count += 1
                    #expect(message.contains(remedies), "\(folder)/\(name): \(message.prefix(200))")
                    for option in message.matches(of: #/(?:^|[^\w-])(--[a-z][a-z-]*)/#) {
                        #expect(options.contains(String(option.1)), "\(name): \(option.1)")
                    }
                }
            }
        }
        #expect(count > 25)
    }

    @Test("Most targets in one bin is a complaint with its knobs")
    func targets() {
        func complaints(_ origin: Int, _ single: Int, of targets: Int = 10) -> [String] {
            TargetStatistics.complaints(targets: targets, atOrigin: origin, singleBin: single)
        }
        #expect(complaints(0, 0, of: 0).isEmpty && complaints(5, 5).isEmpty)
        #expect(complaints(0, 6).count == 1 && complaints(0, 6)[0].contains("--max-pos-len"))
        #expect(complaints(7, 6).count == 2 && complaints(7, 6)[0].contains("--targets fixed"))
    }

    @Test("A trainer that waits says when the oldest open shard closes, and what closes it sooner")
    func waiting() {
        #expect([OpenShardBoard.Note]().text(now: 0).contains("millrace run"))
        let note = OpenShardBoard.Note(topology: "nlq", stage: "land", set: "nlq", open: 2, closesAt: 42_000)
        let text = [note].text(now: 0)
        #expect(text.hasPrefix("2 shards are open, the oldest closes in 00:42"))
        #expect(text.contains("--set stages.land.to.rotate.seconds="))
        var late = note
        late.closesAt = nil
        #expect([late].text(now: 0).contains("closed when full"))
        #expect([late, note].text(now: 50_000).contains("in 00:00"), "never negative")
    }
}
