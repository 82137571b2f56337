// SPDX-License-Identifier: Apache-2.0

import Codecs
import Commands
import Dataflow
import EmbeddedLog
import Foundation
import ModelAnswerCache
import ModelRequests
import RecordLog
import Records
import Synchronization
import TaskRooms

/// Our side of `ops/bench/replay-stop`: `millrace` with a task whose answers are all kept, and two commands of its own.
///
///     replay-bench fill HOME STAGES DIALOGUES ROUNDS   keeps the answers, and appends the dialogues
///     replay-bench join HOME STAGES                    takes partitions from others, and says how long it took
@main
enum Entry {
    static func main() throws {
        let words = Array(CommandLine.arguments.dropFirst())
        let numbers = words.dropFirst(2).compactMap { Int($0) }
        switch (words.first, numbers.count) {
        case ("fill", 3): try fill(home: words[1], stages: numbers[0], dialogues: numbers[1], rounds: numbers[2])
        case ("join", 1): try join(home: words[1], stages: numbers[0])
        default: Program.main(adding: [.keptTalks])
        }
    }

    private static func fill(home: String, stages: Int, dialogues: Int, rounds: Int) throws {
        let answer = Bytes(
            #"{"choices":[{"message":{"role":"assistant","content":"go on"},"finish_reason":"stop"}]}"#.utf8)
        let cache = try ResponseCache(folder: home + "/cache")
        for stage in 1...stages {
            for dialogue in 0..<dialogues {
                let entries = try (0..<rounds).map { round in
                    let request = try KeptTalk.request(stage: "s\(stage)", dialogue: dialogue, round: round)
                    return CacheEntry(key: try CacheKey(request.key), model: "kept", storedAt: 0, answer: answer)
                }
                _ = try cache.insert(entries)
            }
        }
        cache.close()
        let log = try EmbeddedLog(path: home + "/log.db")
        try log.createTopic(TopicSpecification(name: "dialogues", partitions: 4))
        let records = (0..<dialogues).map { number in
            Record(key: Bytes("d-\(number)".utf8), value: Dialogue(number).json, headers: Dialogue.headers)
        }
        var transaction = Transaction()
        transaction.outputs = [.init(topic: "dialogues", partition: nil, records: RecordBatch(records))]
        try log.makeWriter(id: "fill").commit(transaction)
        log.close()
    }

    /// Joins the group of each stage in turn, and prints the milliseconds until its owner has given partitions up.
    private static func join(home: String, stages: Int) throws {
        let log = try EmbeddedLog(path: home + "/log.db")
        for stage in 1...stages {
            let topic = stage == 1 ? "dialogues" : "d\(stage - 1)"
            let begin = ContinuousClock.now
            let member = try log.join(
                GroupConfiguration(group: "kept.s\(stage)", topics: [topic], sessionTimeoutMilliseconds: 10_000))
            let handler = Arrivals()
            while handler.count.withLock({ $0 }) == 0 {
                try member.poll(timeoutMilliseconds: 1, handler)
                usleep(500)
            }
            print("s\(stage) \(Int((ContinuousClock.now - begin) / .milliseconds(1)))")
            member.leave(handler)
        }
        log.close()
    }

    private final class Arrivals: AssignmentHandler {
        let count = Mutex(0)
        func assigned(_ partitions: [TopicPartition]) { self.count.withLock { $0 += partitions.count } }
        func revoked(_ partitions: [TopicPartition]) {}
        func lost(_ partitions: [TopicPartition]) {}
    }
}
