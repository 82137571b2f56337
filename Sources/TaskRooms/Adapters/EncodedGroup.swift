// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Dataflow
public import Records

/// The records of a group, encoded once: for the digest, and for the log.
public struct EncodedGroup<Group: RecordGroup>: Sendable {
    private let group: Group
    private let values: Bytes
    private let ends: [Int]
    /// SHA-256 of everything but the revision and the details.
    public let digest: String
    /// SHA-256 of everything but the revision; `nil` where there are no details.
    public let detailsDigest: String?

    /// Encodes a group.
    public init(_ group: Group) {
        self.group = group
        (self.values, self.ends) = Self.values(of: group)
        let digest = Self.digest(of: group, self.values)
        if let plain = group.withoutDetails {
            self.digest = Self.digest(of: plain, Self.values(of: plain).0)
            self.detailsDigest = digest
        } else {
            self.digest = digest
            self.detailsDigest = nil
        }
    }

    private static func values(of group: Group) -> (Bytes, [Int]) {
        var ends: [Int] = []
        ends.reserveCapacity(group.count)
        var json = JSONWriter()
        group.forEach { value in
            value.write(to: &json)
            ends.append(json.count)
            json.restart()
        }
        return (json.takeBytes(), ends)
    }

    private static func digest(of group: Group, _ values: Bytes) -> String {
        var hash = ContentHash.Stream()
        hash.update(group.first(revision: 0).json)
        hash.update(values)
        return hash.finish()
    }

    /// Appends the records: the first, those between, the end.
    public func append(to batch: inout RecordBatch, key: Bytes, revision: Int) {
        let headers = Group.Value.headers
        batch.append(key: key, value: self.group.first(revision: revision).json, headers: headers)
        batch.append(key: key, headers: headers, values: self.values, ends: self.ends)
        batch.append(key: key, value: self.group.end.json, headers: headers)
    }
}
