// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import HostileServers
import Records
import Synchronization
import Testing

/// Limits on what a run may spend.
@Suite("Model budgets")
struct ModelBudgetTests {
    private typealias Bench = ModelRunTests.Bench

    @Test("A spent budget of calls ends the run with exit code 1; the next ones go on, and nothing is paid twice")
    func calls() async throws {
        let model = try await ScriptedModel()
        let bench = try await Bench()
        for round in 1...3 {
            let result = try await bench.run(model, "--max-calls", "13")
            #expect(result.code == 1, Comment(rawValue: result.story))
            result.says("the budget of 13 calls is spent", "nothing is lost")
            #expect(model.seen.chats == 13 * round, "the probe of each run is one of them")
            #expect(model.questions.count == 12 * round)
        }
        let last = try await bench.run(model, "--max-calls", "13")
        #expect(last.code == 0, Comment(rawValue: last.story))
        #expect(model.questions.count == bench.blocks)
        #expect(try await bench.home.output("shards", "cat", "nlq").outputLines.count == bench.blocks * 5)
        // A replay makes no calls, so it needs no budget.
        let again = try await bench.home.start(
            ["replay", bench.topology, "--from", "earliest", "--allow-unguarded", "--max-calls", "0"],
            environment: model.environment()
        ).finished()
        #expect(again.code == 0, Comment(rawValue: again.story))
        await model.stop()
    }

    @Test("A budget of tokens is not exceeded, by the server's own count")
    func tokens() async throws {
        let cost = 1_200
        let model = try await ScriptedModel { call in
            var json = JSONWriter()
            json.value(QueryModel.answer(to: call))
            let content = String(decoding: json.bytes, as: UTF8.self)
            return .json(
                """
                {"choices":[{"message":{"role":"assistant","content":\(content)},"finish_reason":"stop"}],\
                "usage":{"prompt_tokens":1000,"completion_tokens":200}}
                """)
        }
        let bench = try await Bench()
        let limit = 12_000
        let result = try await bench.run(model, "--max-tokens", String(limit))
        #expect(result.code == 1, Comment(rawValue: result.story))
        result.says("the budget of \(limit) tokens is spent")
        #expect(model.questions.count > 0)
        #expect(model.questions.count * cost <= limit)
        await model.stop()
    }

    @Test("A run that is killed and started again goes on with the same budget")
    func killed() async throws {
        let model = try await ScriptedModel { .after(0.2, QueryModel.reply(to: $0)) }
        let bench = try await Bench(ModelTopology(llm: "in-flight: 2"))
        let arguments = ["run", bench.topology, "--until-idle", "--allow-unguarded", "--max-calls", "20"]
        let process = try bench.home.start(arguments, environment: model.environment())
        while process.isRunning, model.seen.chats < 7 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(process.killNow())
        let first = model.seen.chats
        let again = try await bench.home.start(arguments, environment: model.environment()).finished()
        #expect(again.code == 1, Comment(rawValue: again.story))
        again.says("going on with the budget of a run that did not end", "the budget of 20 calls is spent")
        // As many again as are in flight may have had their places, and not been made, at the moment of the kill.
        #expect((20 - 4...20).contains(model.seen.chats), "\(first) before the kill")
        await model.stop()
    }

    @Test("Calls that a server fails cost as much as those that it answers: no more than the budget ever reach it")
    func failing() async throws {
        let attempts = Mutex<[String: Int]>([:])
        let model = try await ScriptedModel { call in
            let number = attempts.withLock { attempts in
                attempts[call.prompt, default: 0] += 1
                return attempts[call.prompt] ?? 0
            }
            return number == 1 ? .fail(500) : QueryModel.reply(to: call)
        }
        let bench = try await Bench()
        let result = try await bench.run(model, "--max-calls", "30")
        #expect(result.code == 1, Comment(rawValue: result.story))
        result.says("the budget of 30 calls is spent")
        #expect(model.seen.chats == 30)
        await model.stop()
    }
}
