// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Glibc
public import RecordLog
public import Records

extension KafkaLog {
    /// Returns the offset that a group committed, after waiting for a transaction that is about to be decided.
    public func committedOffset(group: String, partition: TopicPartition) throws(LogError) -> CommittedOffset? {
        try self.commits(of: group).first { $0.partition == partition }?.committed
    }

    /// Sets or forgets an offset of a group that is not running; the broker refuses for one that is.
    public func resetOffset(
        group: String, partition: TopicPartition, to committed: CommittedOffset?
    ) throws(LogError) {
        try self.checkExists(partition)
        guard let committed else { return try self.forget([partition], group: group) }
        let what = "resetting group \(group) in \(partition)"
        let list = try PartitionList(commits: [partition: committed])
        try self.admin.use { client throws(LogError) in
            guard let change = rd_kafka_AlterConsumerGroupOffsets_new(group, list.pointer) else {
                throw LogError(.invalidArgument, what)
            }
            defer { rd_kafka_AlterConsumerGroupOffsets_destroy(change) }
            var changes: [OpaquePointer?] = [change]
            let operation = RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS
            try AdminRequest(what: what, operation: operation).send(on: client) {
                rd_kafka_AlterConsumerGroupOffsets(client, &changes, 1, $0, $1)
            } _: { event throws(LogError) in
                var count = 0
                let groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(event, &count)
                try Self.check(elements(groups, count), what)
            }
        }
    }

    /// Forgets what a group committed for some partitions.
    func forget(_ partitions: [TopicPartition], group: String) throws(LogError) {
        let what = "forgetting offsets of group \(group)"
        let list = try PartitionList(partitions.map { ($0, 0) })
        try self.admin.use { client throws(LogError) in
            guard let deletion = rd_kafka_DeleteConsumerGroupOffsets_new(group, list.pointer) else {
                throw LogError(.invalidArgument, what)
            }
            defer { rd_kafka_DeleteConsumerGroupOffsets_destroy(deletion) }
            var deletions: [OpaquePointer?] = [deletion]
            let operation = RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS
            try AdminRequest(what: what, operation: operation).send(on: client) {
                rd_kafka_DeleteConsumerGroupOffsets(client, &deletions, 1, $0, $1)
            } _: { event throws(LogError) in
                var count = 0
                let groups = rd_kafka_DeleteConsumerGroupOffsets_result_groups(event, &count)
                try Self.check(elements(groups, count), what)
            }
        }
    }

    private static func check(_ results: [OpaquePointer], _ what: String) throws(LogError) {
        for result in results {
            let error = rd_kafka_group_result_error(result)
            if rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND { continue }
            try OpaquePointer.check(error, what)
            for element in ListedPartition.all(of: rd_kafka_group_result_partitions(result)) {
                if element.error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART { continue }
                try element.error.check("\(what) in \(element.partition)")
            }
        }
    }

    /// Every group the brokers know, with members and commits.
    public func groups() throws(LogError) -> [GroupDescription] {
        let names = try self.groupNames()
        let members = try self.members(of: names)
        var result: [GroupDescription] = []
        for name in names.sorted() {
            let commits = try self.commits(of: name)
            let found = members[name, default: []]
            if found.isEmpty, commits.isEmpty { continue }
            result.append(GroupDescription(group: name, members: found, commits: commits))
        }
        return result
    }

    func groupNames() throws(LogError) -> [String] {
        try self.admin.use { client throws(LogError) in
            let request = AdminRequest(what: "listing groups", operation: RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS)
            return try request.send(on: client) {
                rd_kafka_ListConsumerGroups(client, $0, $1)
            } _: { event throws(LogError) in
                var count = 0
                let groups = rd_kafka_ListConsumerGroups_result_valid(event, &count)
                return elements(groups, count).map { String(cString: rd_kafka_ConsumerGroupListing_group_id($0)) }
            }
        }
    }

    private func members(of groups: [String]) throws(LogError) -> [String: [GroupDescription.Member]] {
        if groups.isEmpty { return [:] }
        return try self.admin.use { client throws(LogError) in
            let names = groups.map { strdup($0) }
            defer { for name in names { free(name) } }
            var pointers = names.map { UnsafePointer($0) }
            let request = AdminRequest(what: "describing groups", operation: RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS)
            return try request.send(on: client) {
                rd_kafka_DescribeConsumerGroups(client, &pointers, pointers.count, $0, $1)
            } _: { event throws(LogError) in
                var result: [String: [GroupDescription.Member]] = [:]
                var count = 0
                let groups = rd_kafka_DescribeConsumerGroups_result_groups(event, &count)
                for group in elements(groups, count) {
                    let name = String(cString: rd_kafka_ConsumerGroupDescription_group_id(group))
                    result[name] = Self.members(of: group)
                }
                return result
            }
        }
    }

    private static func members(of group: OpaquePointer) -> [GroupDescription.Member] {
        (0..<rd_kafka_ConsumerGroupDescription_member_count(group)).compactMap { index in
            guard let member = rd_kafka_ConsumerGroupDescription_member(group, index) else { return nil }
            func text(_ characters: UnsafePointer<CChar>?) -> String { characters.map { String(cString: $0) } ?? "" }
            let assignment = rd_kafka_MemberDescription_assignment(member)
            let partitions = assignment.flatMap { rd_kafka_MemberAssignment_partitions($0) }
            let host = text(rd_kafka_MemberDescription_host(member))
            let client = text(rd_kafka_MemberDescription_client_id(member))
            return GroupDescription.Member(
                id: text(rd_kafka_MemberDescription_consumer_id(member)), location: "\(host) \(client)",
                partitions: ListedPartition.all(of: partitions).map(\.partition).sorted())
        }
    }

    /// Returns a group's commits, by partition; nothing if there is no such group.
    func commits(of group: String) throws(LogError) -> [GroupDescription.Commit] {
        let what = "offsets of group \(group)"
        return try self.admin.use { client throws(LogError) in
            guard let query = rd_kafka_ListConsumerGroupOffsets_new(group, nil) else {
                throw LogError(.invalidArgument, what)
            }
            defer { rd_kafka_ListConsumerGroupOffsets_destroy(query) }
            var queries: [OpaquePointer?] = [query]
            let operation = RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS
            return try AdminRequest(what: what, operation: operation).send(on: client) { options, queue in
                // Otherwise an offset could be read that an undecided transaction is about to replace.
                if let error = rd_kafka_AdminOptions_set_require_stable_offsets(options, 1) {
                    rd_kafka_error_destroy(error)
                }
                rd_kafka_ListConsumerGroupOffsets(client, &queries, 1, options, queue)
            } _: { event throws(LogError) in
                var result: [GroupDescription.Commit] = []
                var count = 0
                let groups = rd_kafka_ListConsumerGroupOffsets_result_groups(event, &count)
                for found in elements(groups, count) {
                    let error = rd_kafka_group_result_error(found)
                    if rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND { continue }
                    try OpaquePointer.check(error, what)
                    for element in ListedPartition.all(of: rd_kafka_group_result_partitions(found)) {
                        try element.error.check("\(what) in \(element.partition)")
                        guard let committed = element.committed else { continue }
                        result.append(.init(partition: element.partition, committed: committed, time: nil))
                    }
                }
                return result.sorted { $0.partition < $1.partition }
            }
        }
    }
}
