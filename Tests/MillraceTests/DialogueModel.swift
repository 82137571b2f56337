// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers

/// A deterministic model that speaks in dialogues: its answer depends on the request, and on nothing else.
enum DialogueModel {
    /// A whole 200 answer.
    static func reply(to call: Call) -> Reply { .chat(Self.answer(to: call)) }

    private static func answer(to call: Call) -> String {
        let number = call.body.firstMatch(of: #/"seed":(\d+)/#).flatMap { Int($0.1) } ?? 0
        if call.body.contains("You imagine conversations") { return self.turns(call.prompt, number) }
        if call.body.contains("You sum up how far") { return self.summaries(call.prompt) }
        if call.body.contains("say whether it follows") { return #"{"analysis":"seen","answer":1}"# }
        return #"{"name":"Do task \#(number % 5)","steps":["begin","end \#(number % 7)"]}"#
    }

    /// A turn of the assistant at each step and substep of the clip, and in the first round the user's aim.
    private static func turns(_ prompt: String, _ number: Int) -> String {
        guard let asked = prompt.firstMatch(of: #/Write the turns from ([0-9.]+) s to ([0-9.]+) s/#),
            let from = Double(asked.1), let to = Double(asked.2), from <= to
        else { return "no clip" }
        var turns: [String] = []
        if !prompt.contains("The dialogue so far:") {
            turns.append(#"{"time":\#(from),"role":"user","text":"Let us begin, \#(number % 9)."}"#)
        }
        for line in prompt.split(separator: "\n") {
            guard let step = line.wholeMatch(of: #/(?: - )?\[([0-9.]+)s(?:-[0-9.]+s)?\] (.+)/#),
                let time = Double(step.1),
                from <= time, time <= to
            else { continue }
            let text = "Now he \(step.2), take \(number % 97)."
            turns.append(
                #"{"time":\#(time),"role":"assistant","text":"\#(text)","initiativity":"initiative","intents":["instruction"]}"#
            )
        }
        return #"{"turns":[\#(turns.joined(separator: ","))]}"#
    }

    private static func summaries(_ prompt: String) -> String {
        let numbers = prompt.split(separator: "\n").compactMap { line in
            line.firstMatch(of: #/^(\d+)\. \[[0-9.]+s\] Assistant:/#).map { String($0.1) }
        }
        let summaries = numbers.map { #"{"turn":\#($0),"summary":"Turn \#($0) is reached."}"# }
        return #"{"summaries":[\#(summaries.joined(separator: ","))]}"#
    }
}

/// The dialogues' topology over a few videos of the sample world.
struct DialogueBench {
    /// The sets that it writes.
    static let sets = ["dialogues", "sequences"]
    /// The topics that it writes.
    static let topics = [
        "activities", "activities.known", "dialogues.wanted", "dialogues.raw", "dialogues.scored", "dialogues",
        "dialogues.rejected",
    ]
    /// Its stages, as Kafka's groups.
    static let groups = ["prepare", "know", "label", "converse", "sum-up", "choose", "land", "pack"].map {
        "proassist.\($0)"
    }
    /// Few enough to be asked for again and again.
    static let few = [
        "LLM_SAMPLES": "2", "DIALOGUES_NO_TALK": "1", "DIALOGUES_TALK_SOME": "1", "DIALOGUES_TALK_MORE": "1",
    ]

    /// The arguments that ingest its videos.
    let ingest: [String]
    /// The path of the topology.
    let topology: String

    /// Writes a world and the topology into a folder.
    init(videos: Int, in folder: TestFolder) throws {
        let world = folder.file("steps").path
        let made = try MillraceProcess(["sample", "--videos", "\(videos)", "--no-features", "--output", world]).wait()
        guard made.code == 0 else { throw ProcessFailure(description: made.story) }
        self.ingest = ["ingest", "goalstep", "--annotations", "\(world)/goalstep_train.json"]
        self.topology = try TestTopology.write("proassist", rotate: "{ samples: 3, seconds: 0 }", into: folder)
    }

    /// The arguments of a run.
    var run: [String] { ["run", self.topology, "--until-idle", "--json"] }
}
