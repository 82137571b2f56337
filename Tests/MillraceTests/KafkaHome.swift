// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// A home whose log is in Kafka: the folder holds the shards, the broker everything else.
struct KafkaHome: Sendable {
    /// The folder, which processes of one topology share.
    let home: TestHome
    /// `host:port`.
    let address: String

    init(_ folder: URL, on broker: Broker) {
        self.home = TestHome(folder)
        self.address = broker.address
    }

    /// Another machine's home on the same brokers.
    func elsewhere(_ folder: URL) -> KafkaHome { KafkaHome(TestHome(folder), self.address) }

    private init(_ home: TestHome, _ address: String) {
        self.home = home
        self.address = address
    }

    // MARK: Commands

    /// Starts `millrace` on this log.
    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> MillraceProcess {
        try self.home.start(arguments + ["--log", "kafka://\(self.address)"], environment: environment)
    }

    /// Runs `millrace` on this log and leaves the thread to others meanwhile.
    func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> ProcessResult {
        try await self.start(arguments, environment: environment).finished(seconds: 120)
    }

    /// Runs `millrace` on this log and returns its result, if all is well.
    @discardableResult
    func output(_ arguments: String...) async throws -> ProcessResult { try await self.output(arguments) }

    /// Runs `millrace` on this log and returns its result, if all is well.
    @discardableResult
    func output(_ arguments: [String]) async throws -> ProcessResult {
        let result = try await self.start(arguments).finished(seconds: 120)
        guard result.code == 0 else { throw ProcessFailure(description: result.story) }
        return result
    }

    // MARK: Shards

    /// The shards that the manifest of a set lists; none before there is such a set.
    func listed(in set: String) async throws -> [ListedShard] {
        let result = try await self.run("shards", "list", set, "--json")
        if result.code == 2, result.errorText.contains("there is no shard set") { return [] }
        guard result.code == 0 else { throw ProcessFailure(description: result.story) }
        return try result.outputLines.map(ListedShard.init)
    }

    /// The bytes of the committed shards by their place.
    func shards(of set: String) async throws -> [TestHome.ShardPlace: Data] {
        var shards: [TestHome.ShardPlace: Data] = [:]
        for shard in try await self.listed(in: set) {
            let data = try Data(contentsOf: self.home.url.appendingPathComponent("shards/\(set)/\(shard.file)"))
            guard shards.updateValue(data, forKey: shard.place) == nil else {
                throw ProcessFailure(description: "two shards at \(shard.place)")
            }
        }
        return shards
    }

    /// The samples of a set by video, in the order in which they were committed: a video stays in its partition.
    func samples(of set: String) async throws -> [String: [String]] {
        try SampleLines.byVideo(try await self.output("shards", "cat", set))
    }

    // MARK: Topics

    /// A topic's records, a list a partition.
    func records(of topic: String) async throws -> [[LoggedRecord]] {
        var partitions: [[LoggedRecord]] = Array(repeating: [], count: 4)
        for line in try await self.output("topics", "read", topic, "--json").outputLines {
            let record = try LoggedRecord(line)
            guard partitions.indices ~= record.partition else { throw ProcessFailure(description: "no place: \(line)") }
            partitions[record.partition].append(record)
        }
        return partitions
    }

    /// The names of all topics with their offsets, as `topics list` prints them.
    func topics() async throws -> String { try await self.output("topics", "list", "--json").outputText }

    /// Expects a topic to hold the same records in the same order in each partition.
    func expectTopic(
        _ topic: String, equals quiet: TestHome, at place: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await self.records(of: topic).map { $0.map(\.content).map(LoggedRecord.withoutSourceOffset) }
        let expected = try await quiet.records(of: topic).map { $0.map(LoggedRecord.withoutSourceOffset) }
        #expect(found.map(\.count) == expected.map(\.count), "topic \(topic)", sourceLocation: place)
        for number in expected.indices where found[number] != expected[number] {
            let index = zip(found[number], expected[number]).enumerated().first { $0.element.0 != $0.element.1 }
            Issue.record(
                "topic \(topic), partition \(number) differs: \(index.map { "\($0.offset): \($0.element)" } ?? "its length")",
                sourceLocation: place)
        }
    }

    // MARK: Groups

    /// The report of `status` on a group.
    func group(_ name: String, interval: Double = 0) async throws -> GroupStatus {
        let result = try await self.output("status", "--json", "--interval", "\(interval)")
        return try GroupStatus(named: name, in: result)
    }

    /// Does for the broker what a Kafka broker does by itself when a member's session has expired: takes a member out.
    /// This broker never does (noida-db 0.2.3), so a process that is dead or stopped would keep its partitions for
    /// ever.
    func expire(_ process: MillraceProcess, in groups: [String]) async throws {
        for name in groups {
            let members = try await self.group(name).members.filter { $0.isOf(process) }
            for member in members { try OtherClient.leave(name, as: member.id, on: self.address) }
        }
    }

    /// Waits until a group is as wanted.
    /// - Throws: `ProcessFailure` with its last state if that takes more than a minute.
    @discardableResult
    func awaitGroup(
        _ name: String, _ what: String, _ isAsWanted: (GroupStatus) -> Bool
    ) async throws -> GroupStatus {
        var patience = Patience(seconds: 60)
        while true {
            let status = try await self.group(name)
            if isAsWanted(status) { return status }
            guard patience.lasts() else {
                throw ProcessFailure(description: "\(name): not seen: \(what); it is \(status)")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}

/// The lines that `shards cat` prints.
enum SampleLines {
    /// The samples of each video, in order.
    static func byVideo(_ result: ProcessResult) throws -> [String: [String]] {
        try Dictionary(grouping: result.outputLines) { line in
            guard let video = try JSONTree(line)["video_uid"].string else {
                throw ProcessFailure(description: "no sample: \(line)")
            }
            return video
        }
    }
}

/// A line of `shards list --json`.
struct ListedShard: Hashable, Sendable {
    let file: String
    let place: TestHome.ShardPlace
    let epoch: Int
    let reason: String

    init(_ line: String) throws {
        let json = try JSONTree(line)
        guard let file = json["file"].string, let partition = json["partition"].int,
            let sequence = json["sequence"].int, let epoch = json["epoch"].int,
            let reason = json["reason"].string
        else { throw ProcessFailure(description: "no shard: \(line)") }
        self.file = file
        self.place = TestHome.ShardPlace(partition: partition, sequence: sequence)
        self.epoch = epoch
        self.reason = reason
    }
}

/// The parts of a shard's name: `<name>-<partition>-<sequence>-<epoch>.jsonl.zst`.
struct ShardFileName: Hashable, Sendable {
    let place: TestHome.ShardPlace
    let epoch: Int

    init?(_ file: String) {
        let parts = file.dropLast(".jsonl.zst".count).split(separator: "-").suffix(3).compactMap { Int($0) }
        guard file.hasSuffix(".jsonl.zst"), parts.count == 3 else { return nil }
        self.place = TestHome.ShardPlace(partition: parts[0], sequence: parts[1])
        self.epoch = parts[2]
    }
}

/// A line of `topics read --json`.
struct LoggedRecord: Sendable {
    let partition: Int
    let offset: Int
    /// The time it was appended, in milliseconds since 1970.
    let time: Int
    /// Key, headers and value as they were printed: what must be the same on every log.
    let content: String

    init(_ line: String) throws {
        let json = try JSONTree(line)
        guard let key = line.firstRange(of: "\"key\":"), let partition = json["partition"].int,
            let offset = json["offset"].int, let time = json["timestamp"].int
        else { throw ProcessFailure(description: "no record: \(line)") }
        self.partition = partition
        self.offset = offset
        self.time = time
        self.content = String(line[key.lowerBound...])
    }

    /// Key, headers and value as JSON.
    var json: JSONTree { get throws { try JSONTree("{" + self.content) } }

    /// The content without the source's offset in a dead letter's or a reject's envelope: transactions take offsets
    /// on Kafka and take none in the embedded log.
    static func withoutSourceOffset(_ content: String) -> String {
        content.replacing(#/"offset":[0-9]+,"key"/#, with: #""offset":0,"key""#)
    }
}

/// A group as `status --json` shows it.
struct GroupStatus: Sendable, CustomStringConvertible {
    struct Member: Hashable, Sendable {
        var id: String
        var location: String
        /// Numbers of the partitions that it has.
        var partitions: Set<Int>

        /// Tells whether it is a process's: members are named after host and process.
        func isOf(_ process: MillraceProcess) -> Bool {
            self.location.contains("-\(process.pid)-") || self.location.hasSuffix(":\(process.pid)")
        }
    }

    /// A partition as one task has it.
    struct Task: Hashable, Sendable {
        var partition: Int
        /// The id of the member that has it.
        var member: String?
        var committed: Int?
        var records: Int
        var lag: Int
        /// Milliseconds since 1970.
        var lastCommit: Int?
    }

    var members: [Member] = []
    var tasks: [Task] = []
    var records = 0
    var lag = 0
    var rate = 0.0

    /// Finds a group in what `status --json` printed; one that is not there has no members.
    init(named name: String, in result: ProcessResult) throws {
        let groups = try JSONTree(result.output)["groups"].array
        guard let json = groups.first(where: { $0["group"].string == name }) else { return }
        self.records = json["records"].int ?? 0
        self.lag = json["lag"].int ?? 0
        self.rate = json["rate"].double ?? 0
        self.members = json["members"].array.map { member in
            let partitions = member["partitions"].array.compactMap(Self.number)
            return Member(
                id: member["id"].string ?? "", location: member["location"].string ?? "", partitions: Set(partitions))
        }
        self.tasks = json["tasks"].array.compactMap { task in
            Self.number(task["partition"]).map {
                Task(
                    partition: $0, member: task["member"].string, committed: task["committed"].int,
                    records: task["records"].int ?? 0, lag: task["lag"].int ?? 0, lastCommit: task["last_commit"].int)
            }
        }
    }

    /// The number in `topic[number]`.
    private static func number(_ name: JSONTree) -> Int? {
        name.string?.split(separator: "[").last.flatMap { Int($0.dropLast()) }
    }

    /// The partitions of a process.
    func share(of process: MillraceProcess) -> Set<Int> {
        self.members.filter { $0.isOf(process) }.reduce(into: []) { $0.formUnion($1.partitions) }
    }

    /// Tells whether these processes and no others have all partitions, each at least one and none twice.
    func isShared(by processes: MillraceProcess...) -> Bool {
        let shares = processes.map { self.share(of: $0) }
        return self.members.count == processes.count && shares.allSatisfy { !$0.isEmpty }
            && shares.reduce(0) { $0 + $1.count } == 4
            && shares.reduce(into: Set<Int>()) { $0.formUnion($1) }.count == 4
    }

    var description: String {
        self.members.map { "\($0.location) has \($0.partitions.sorted())" }.joined(separator: ", ")
            + "; \(self.records) records, \(self.lag) waiting"
    }
}
