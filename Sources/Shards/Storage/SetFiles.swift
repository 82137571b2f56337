// SPDX-License-Identifier: Apache-2.0

/// The files of a set in its folder, whoever wrote them and whether they are committed or not.
public enum SetFiles {
    /// Those of a folder's files that are a set's, in the order in which they may go: the lists of what is committed
    /// first, for readers without the log go by them.
    public static func own(_ files: some Sequence<String>, name: String) -> [String] {
        var lists: [String] = []
        var shards: [String] = []
        for file in files.sorted() {
            if ManifestFileHeader.isName(file) || ManifestFileHeader.owner(ofTemporaryFile: file) != nil {
                lists.append(file)
            } else if Self.shard(file)?.name == name {
                shards.append(file)
            }
        }
        return lists + shards
    }

    private static func shard(_ file: String) -> ShardName? { ShardName(file: file) ?? ShardName(temporaryFile: file) }

    /// Parts the files that are being written: those of living tasks, and those that killed ones have left.
    /// - Parameter owned: the partitions that have a task now. Of a partition's files the one of the latest epoch is
    ///   its
    ///   task's.
    public static func open(
        _ files: some Sequence<String>, name: String, owned: Set<Int>
    ) -> (open: [String], leftOver: [String]) {
        var latest: [Int: Int64] = [:]
        var found: [(file: String, shard: ShardName)] = []
        for file in files {
            guard let shard = ShardName(temporaryFile: file), shard.name == name else { continue }
            found.append((file, shard))
            latest[shard.partition] = max(latest[shard.partition] ?? .min, shard.epoch)
        }
        func isOpen(_ shard: ShardName) -> Bool {
            owned.contains(shard.partition) && latest[shard.partition] == shard.epoch
        }
        return (
            found.filter { isOpen($0.shard) }.map(\.file).sorted(),
            found.filter { !isOpen($0.shard) }.map(\.file).sorted()
        )
    }
}
