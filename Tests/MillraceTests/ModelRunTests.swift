// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import Synchronization
import Testing

/// `nlq.yaml` with a model behind a server of the test's own.
@Suite("Model runs")
struct ModelRunTests {
    @Test("A model's answers become samples; each block is asked about once, and the usage is told")
    func firstRun() async throws {
        let model = try await ScriptedModel()
        let bench = try await Bench()
        let result = try await bench.run(model)
        #expect(result.code == 0, Comment(rawValue: result.story))
        #expect(model.questions.count == bench.blocks)
        #expect(Set(model.questions.map(\.body)).count == bench.blocks)
        let samples = try await bench.home.output("shards", "cat", "nlq").outputLines
        #expect(samples.count == bench.blocks * 5, Comment(rawValue: result.outputText))
        // Each sample is about the narration that its question quotes.
        for sample in samples {
            let tree = try JSONTree(sample)
            let index = try #require(tree["lineage"]["narrations"].array.first?.int)
            let query = try #require(tree["query"].string)
            #expect(query.hasSuffix(" shelf \(index)?"), Comment(rawValue: sample))
        }
        #expect(try Bench.count("llm.calls", in: result) == bench.blocks)
        #expect(try Bench.count("llm.tokens-in", in: result) == bench.blocks * 7)
        #expect(try Bench.count("llm.tokens-out", in: result) == bench.blocks * 3)
        #expect(try Bench.count("llm.duplicate-calls", in: result) == 0)
        result.says("model server \(model.url)", "obeys schemas", "counts tokens", "8 calls in flight", "40 calls")
        await model.stop()
    }

    // MARK: Selective regeneration

    @Test(
        "A replay with nothing changed asks nothing and gives the same bytes; a changed validator asks nothing either")
    func nothingChanged() async throws {
        let model = try await ScriptedModel()
        let bench = try await Bench()
        #expect(try await bench.run(model).code == 0)
        let shards = try await bench.home.shards(of: "nlq")
        #expect(shards.count >= 4)

        let again = try await bench.replay(bench.topology, into: "again", model)
        #expect(again.code == 0, Comment(rawValue: again.story))
        #expect(try await bench.home.shards(of: "again") == shards)
        #expect(try Bench.count("llm.cache-hits", in: again) == bench.blocks)
        #expect(try Bench.count("llm.calls", in: again) == 0)

        var stricter = ModelTopology()
        stricter.validate = stricter.validate.replacingOccurrences(of: "maximum-words: 1000", with: "maximum-words: 8")
        let strict = try await bench.replay(
            try stricter.write(to: "strict", in: bench.folder), into: "strict", model)
        #expect(strict.code == 0, Comment(rawValue: strict.story))
        #expect(try Bench.count("validate.too-long", in: strict) == bench.blocks * 5)
        #expect(try await bench.home.output("shards", "cat", "strict").outputLines.isEmpty)
        // Not even the probe was sent again.
        #expect(model.questions.count == bench.blocks)
        #expect(model.seen.chats == bench.blocks + 1)
        await model.stop()
    }

    @Test("A narration whose text has changed costs a call for the block it is in; the samples of the others stay")
    func changedNarration() async throws {
        let model = try await ScriptedModel()
        let bench = try await Bench()
        #expect(try await bench.run(model).code == 0)
        let before = Set(try await bench.home.output("shards", "cat", "nlq").outputLines)

        try await ModelWorld.ingest(into: bench.home, in: bench.folder, replace: true) { video, index, text in
            video == 2 && index == 23 ? "#C C drops the teapot" : text
        }
        let result = try await bench.run(model)
        #expect(result.code == 0, Comment(rawValue: result.story))
        let asked = model.questions.dropFirst(bench.blocks)
        #expect(asked.count == 1)
        #expect(asked.first?.prompt.contains("drops the teapot") == true)
        let after = Set(try await bench.home.output("shards", "cat", "nlq").outputLines)
        let new = after.subtracting(before)
        #expect(new.contains { $0.contains("drops the teapot") })
        // Samples of both revisions are there, and the run says so.
        #expect(result.errorText.contains("1 videos and passes came as a newer revision"), "\(result.story)")
        #expect(try Self.doubled(try await bench.home.output("shards", "cat", "nlq").outputLines) > 0)

        // A replay takes the newest alone, and asks nothing again.
        let replay = try await bench.replay(bench.topology, into: "newest", model)
        #expect(replay.errorText.contains("left out: 1 older revisions"), "\(replay.story)")
        #expect(model.questions.count == bench.blocks + 1)
        try await Self.expectClean("newest", bench, replay)
        await model.stop()
    }

    @Test("By a replay alone, too, a changed narration costs one call and ends in a set without doubles")
    func changedNarrationReplayed() async throws {
        let model = try await ScriptedModel()
        let bench = try await Bench()
        #expect(try await bench.run(model).code == 0)
        let before = Set(try await bench.home.output("shards", "cat", "nlq").outputLines)
        try await ModelWorld.ingest(into: bench.home, in: bench.folder, replace: true) { video, index, text in
            video == 2 && index == 23 ? "#C C drops the teapot" : text
        }
        let replay = try await bench.replay(bench.topology, into: "newest", model)
        #expect(model.questions.count == bench.blocks + 1)
        try await Self.expectClean("newest", bench, replay)
        let new = Set(try await bench.home.output("shards", "cat", "newest").outputLines).subtracting(before)
        #expect(new.count == 5, "the others of its block were asked about with it")
        await model.stop()
    }

    /// Expects a set of the changed world, each sample in it once.
    private static func expectClean(_ set: String, _ bench: Bench, _ replay: ProcessResult) async throws {
        #expect(replay.code == 0, Comment(rawValue: replay.story))
        let samples = try await bench.home.output("shards", "cat", set).outputLines
        #expect(samples.count == bench.blocks * 5)
        #expect(try self.doubled(samples) == 0)
        #expect(samples.count { $0.contains("drops the teapot") } == 1)
    }

    /// The number of samples with an id that one before them has.
    private static func doubled(_ samples: [String]) throws -> Int {
        samples.count - Set(try samples.map { try JSONTree($0)["query_id"].string ?? "" }).count
    }

    @Test("A changed prompt or model costs a call for each distinct block; another endpoint costs nothing")
    func changedPrompt() async throws {
        let model = try await ScriptedModel()
        let bench = try await Bench()
        #expect(try await bench.run(model).code == 0)
        var other = ModelTopology()
        other.prompt = "Be brief."
        let path = try other.write(to: "other", in: bench.folder)
        #expect(try await bench.replay(path, into: "other", model).code == 0)
        #expect(model.questions.count == 2 * bench.blocks)
        let named = try await bench.home.start(
            ["replay", bench.topology, "--from", "earliest", "--into", "named", "--allow-unguarded"],
            environment: model.environment(["LLM_MODEL": "m-2"])
        ).finished()
        #expect(named.code == 0, Comment(rawValue: named.story))
        #expect(model.questions.count == 3 * bench.blocks)

        // The answers are the request's, wherever they come from: nobody listens at this address.
        let nobody = try ReservedPort()
        let moved = try await bench.home.start(
            ["replay", bench.topology, "--from", "earliest", "--into", "moved", "--allow-unguarded"],
            environment: model.environment(["LLM_BASE_URL": nobody.url])
        ).finished()
        #expect(moved.code == 0, Comment(rawValue: moved.story))
        #expect(try await bench.home.shards(of: "moved") == bench.home.shards(of: "nlq"))
        await model.stop()
    }

    @Test("Blocks of the same texts share one call, at once and later")
    func sameBlocks() async throws {
        let model = try await ScriptedModel { call in .after(0.05, QueryModel.reply(to: call)) }
        let folder = try TestFolder()
        let home = TestHome(folder.file("home"))
        try await ModelWorld.ingest(into: home, in: folder, videos: 6, blocks: 4) { _, index, _ in
            "#C C puts the cup on shelf \(index)"
        }
        let topology = try ModelTopology().write(to: "topologies", in: folder)
        let result = try await home.start(
            ["run", topology, "--until-idle", "--json", "--allow-unguarded"], environment: model.environment()
        ).finished()
        #expect(result.code == 0, Comment(rawValue: result.story))
        #expect(model.questions.count == 4, "one for each distinct block")
        #expect(try Bench.count("llm.calls", in: result) == 4)
        #expect(try Bench.count("llm.cache-hits", in: result) == 20)
        #expect(try await home.output("shards", "cat", "nlq").outputLines.count == 120)
        await model.stop()
    }

    // MARK: Plans and explanations

    @Test("A plan says how many calls are left, at the cost of none, and what they take by what was measured")
    func plan() async throws {
        let model = try await ScriptedModel()
        let bench = try await Bench()
        #expect(try await bench.run(model).code == 0)
        // Two videos more, of whose blocks none is answered: their server hangs until the run is ended.
        try await ModelWorld.ingest(into: bench.home, in: bench.folder, videos: 6)
        let hanging = try await ScriptedModel { _ in .hang }
        let process = try bench.home.start(
            ["run", bench.topology, "--allow-unguarded"], environment: hanging.environment())
        while process.isRunning, try await bench.home.output("topics", "read", "blocks").outputLines.count < 60 {
            try await Task.sleep(for: .milliseconds(50))
        }
        process.send(SIGINT)
        #expect(try await process.finished(seconds: 60).code == 130)
        let asked = model.seen.chats
        let text = try await bench.home.run(
            "plan", bench.topology, "--allow-unguarded", environment: model.environment())
        #expect(text.code == 0, Comment(rawValue: text.story))
        text.prints(
            "generate: of ", "calls to make: ", "at the server's count", "at the measured time of a call, 8 in flight")
        let json = try await bench.home.run(
            "plan", bench.topology, "--json", "--allow-unguarded", environment: model.environment())
        let stage = try #require(try JSONTree(json.output).array.first { $0["stage"].string == "generate" })
        let (hits, calls) = (stage["cache_hits"].int ?? -1, stage["calls"].int ?? -1)
        #expect(hits + calls == stage["waiting"].int)
        #expect(calls == 20)
        #expect(stage["tokens_in"].int == 7 * calls)
        #expect(stage["tokens_out"].int == 3 * calls)
        #expect(model.seen.chats == asked, "a plan asks nothing")

        let other = try await bench.home.run(
            "plan", bench.topology, "--json", "--allow-unguarded",
            environment: model.environment(["LLM_PROVIDER": "rules"]))
        #expect(other.end == .exit(2), "the run would be refused: \(other.story)")
        other.says("stage `generate` of `nlq` has changed since its last commit")
        await model.stop()
    }

    @Test("A plan before the first run knows the calls that the run then makes, and is refused where that is")
    func firstPlan() async throws {
        let model = try await ScriptedModel()
        let bench = try await Bench()
        func plan(_ more: String...) async throws -> ProcessResult {
            try await bench.home.start(["plan", bench.topology, "--json"] + more, environment: model.environment())
                .finished()
        }
        let unguarded = try await plan()
        #expect(unguarded.end == .exit(1), Comment(rawValue: unguarded.story))
        unguarded.says("stage `curate`", "--allow-unguarded")
        let run = try await bench.home.start(
            ["run", bench.topology, "--until-idle"], environment: model.environment()
        ).finished()
        // On a machine that is busy, rows of progress may stand before it.
        let said = run.untimedErrors.replacing(#/(?m)^info: .*\n/#, with: "")
        #expect(run.end == unguarded.end && said.hasPrefix(unguarded.untimedErrors), "\(run.story)")

        let stages = try JSONTree(try await plan("--allow-unguarded").output).array
        #expect(stages.map { $0["exact"].bool } == [true, true, false])
        #expect(stages[1]["waiting"].int == bench.blocks && stages[1]["calls"].int == bench.blocks)
        // Each block of five may become five queries.
        #expect(stages[2]["waiting"].int == 0 && stages[2]["waiting_max"].int == 5 * bench.blocks)
        #expect(model.seen.calls.isEmpty, "a plan asks nothing")
        #expect(try await bench.run(model).code == 0)
        #expect(model.questions.count == bench.blocks)
        let after = try JSONTree(try await plan("--allow-unguarded").output).array
        #expect(after.allSatisfy { $0["waiting"].int == 0 && $0["exact"].bool == true })
        #expect(after[1]["calls"].int == 0)
        await model.stop()
    }

    @Test("Commands that only look open no connection and create no cache")
    func dry() async throws {
        let bench = try await Bench()
        // Whoever opened a connection here would be refused, or wait.
        let nobody = try ReservedPort()
        let environment = ["LLM_PROVIDER": "openai", "LLM_MODEL": "m-1", "LLM_BASE_URL": nobody.url]
        for command in [["lint"], ["graph"], ["plan", "--allow-unguarded"]] {
            let result = try await bench.home.start(command + [bench.topology], environment: environment).finished()
            #expect(result.code == 0, Comment(rawValue: result.story))
        }
        #expect(!FileManager.default.fileExists(atPath: bench.home.url.appendingPathComponent("cache").path))
    }

    @Test("`explain` leads from a sample to the prompt and the raw answer; `status` tells the usage")
    func explain() async throws {
        let model = try await ScriptedModel()
        let bench = try await Bench()
        #expect(try await bench.run(model).code == 0)
        let samples = try await bench.home.output("shards", "cat", "nlq").outputLines.map(JSONTree.init)
        let sample = try #require(samples.first { $0["query"].string?.hasSuffix("cup 2 on shelf 23?") == true })
        let id = try #require(sample["query_id"].string)
        let text = try await bench.home.output("explain", id)
        text.prints(
            "  23  at 143.00 s  #C C puts cup 2 on shelf 23  (narrations[", "\nPrompt, put to m-1\n", "  @system",
            "  @user",
            "puts cup 2 on shelf 20", "\nAnswer\n", "finish reason  stop", "7 in, 3 out", #""narration_ids":[4]"#)
        let places = ["Narration it is about", "Block", "Prompt,", "Answer", "Query as", "Validators"].map { heading in
            text.outputText.range(of: "\n\(heading)")?.lowerBound
        }
        #expect(places.compactMap(\.self).count == 6 && places.compactMap(\.self) == places.compactMap(\.self).sorted())
        let records = try await bench.home.output("explain", id, "--json").outputLines.map(JSONTree.init)
        let prompt = try #require(records.first { $0["part"].string == "prompt" })
        let roles = prompt["messages"].array.map { $0["role"].string }
        #expect(roles.first == "system" && roles.last == "user")
        #expect(prompt["sha256"].string == sample["lineage"]["prompt"].string)
        let answer = try #require(records.first { $0["part"].string == "answer" })
        #expect(answer["text"].string?.contains(#""narration_ids":[4]"#) == true && answer["prompt_tokens"].int == 7)
        // The topology of these tests lets longer questions pass than the defaults do.
        text.prints("Validators, with the defaults of their fields\n", "  first-word")
        let own = try await bench.home.output("explain", id, "--topology", bench.topology)
        own.prints("Validators, as \(bench.topology) has them\n", "  too-long")
        #expect(!own.outputText.contains("  first-word"), "it is off there")
        let other = try TestTopology.write("naq", rotate: "{ seconds: 1 }", into: bench.folder)
        let none = try await bench.home.run("explain", id, "--topology", other)
        #expect(none.code == 2)
        none.says("has no `validate` step")
        let status = try await bench.home.output("status", "--interval", "0")
        status.prints("nlq.generate, model: 40 calls, 0 cache hits, 280 tokens in, 120 tokens out")
        await model.stop()
    }

    @Test("What a topology says wrongly of a model is an error before anything runs")
    func configuration() async throws {
        let bench = try await Bench()
        let noModel = try await bench.home.run("lint", bench.topology, environment: ["LLM_PROVIDER": "openai"])
        #expect(noModel.code == 2)
        noModel.says("nlq.yaml:", "`llm`: model: it is missing: give the model's name", "LLM_MODEL")
        let secret = try await bench.home.run(
            "lint", bench.topology,
            environment: ["LLM_PROVIDER": "openai", "LLM_MODEL": "m", "LLM_BASE_URL": "http://me:pass@example.com"])
        #expect(secret.code == 2)
        secret.says("`base-url`", "give the key by the environment")
        #expect(!secret.errorText.contains("pass@"))
        for (fields, words) in [
            ("temperature: 3", "temperature"), ("in-flight: 0", "in-flight"), ("top-p: 0", "top-p"),
            ("response-format: none", "response-format: none"), ("max-token: 5", "max-tokens"),
        ] {
            let path = try ModelTopology(llm: fields).write(to: "wrong-\(words.prefix(5))", in: bench.folder)
            let result = try await bench.home.run(
                "lint", path,
                environment: ["LLM_PROVIDER": "openai", "LLM_MODEL": "m", "LLM_QUERY_FORM": "question"])
            #expect(result.code == 2, Comment(rawValue: result.story))
            result.says(words)
        }
    }

    @Test("Ctrl-C while calls are under way waits for their answers and keeps them: none is asked for again")
    func interruptedWithCallsOut() async throws {
        let isInterrupted = Mutex(false)
        let model = try await ScriptedModel { call in
            call.number < 12
                ? QueryModel.reply(to: call) : .when({ isInterrupted.withLock { $0 } }, QueryModel.reply(to: call))
        }
        let bench = try await Bench()
        let process = try bench.home.start(
            ["run", bench.topology, "--allow-unguarded", "--session-timeout", "120000"],
            environment: model.environment())
        while process.isRunning, model.seen.chats < 20 || model.seen.busy < 8 {
            try await Task.sleep(for: .milliseconds(5))
        }
        process.send(SIGINT)
        while process.isRunning, !process.errorsSoFar.contains("calls have been sent: waiting for their answers") {
            try await Task.sleep(for: .milliseconds(5))
        }
        let asked = Set(model.questions.map(\.prompt))
        isInterrupted.withLock { $0 = true }
        let result = try await process.finished(seconds: 60)
        #expect(result.code == 130, Comment(rawValue: result.story))
        #expect(Set(model.questions.map(\.prompt)) == asked, "no more were sent")
        #expect(try await bench.keptAnswers() == asked.count)
        let next = try await bench.run(model)
        #expect(next.code == 0, Comment(rawValue: next.story))
        #expect(model.questions.count == bench.blocks, "each once, in both runs together")
        #expect(try Bench.count("llm.duplicate-calls", in: next) == 0)
        #expect(try await bench.home.output("shards", "cat", "nlq").outputLines.count == bench.blocks * 5)
        await model.stop()
    }

    @Test("Ctrl-C while the server hangs commits what is finished and ends; the next run loses nothing")
    func interrupted() async throws {
        let isWell = Mutex(false)
        let model = try await ScriptedModel { call in
            isWell.withLock { $0 } || call.number <= 12 ? QueryModel.reply(to: call) : .hang
        }
        let bench = try await Bench()
        let process = try bench.home.start(
            ["run", bench.topology, "--allow-unguarded"], environment: model.environment())
        while process.isRunning, model.questions.count < 20 { try await Task.sleep(for: .milliseconds(5)) }
        // Twelve answers are on their way into the cache when the eight others hang.
        while process.isRunning, try await bench.keptAnswers() < 12 { try await Task.sleep(for: .milliseconds(50)) }
        // Others see meanwhile what may yet come: eight answers, and one more for each that cannot be used.
        var status = ""
        while process.isRunning, !status.contains("nlq.generate, ") || !status.contains(" calls to come") {
            status = try await bench.home.output("status", "--interval", "0").outputLines.joined(separator: "\n")
        }
        let line = status.split(separator: "\n").first { $0.contains("calls to come") } ?? ""
        #expect(line.count <= 80 && line.hasSuffix("calls to come of conversations under way"), "\(line)")
        let groups = try JSONTree(try await bench.home.output("status", "--json", "--interval", "0").output)["groups"]
        let group = try #require(groups.array.first { $0["group"].string == "nlq.generate" })
        #expect((group["calls_to_come_max"].int ?? 0) > (group["calls_to_come_min"].int ?? 0))
        process.send(SIGINT)
        let result = try await process.finished(seconds: 60)
        #expect(result.code == 130, Comment(rawValue: result.story))
        isWell.withLock { $0 = true }
        let asked = model.questions.count
        let next = try await bench.run(model)
        #expect(next.code == 0, Comment(rawValue: next.story))
        #expect(try await bench.home.output("shards", "cat", "nlq").outputLines.count == bench.blocks * 5)
        // Twelve were answered; those that hung were asked again, and are known as such.
        #expect(model.questions.count - asked == bench.blocks - 12)
        let duplicates = try Bench.count("llm.duplicate-calls", in: next)
        #expect(duplicates == asked - 12)
        await model.stop()
    }
}
