// SPDX-License-Identifier: Apache-2.0

/// Removes what a partition's former owners left behind: files that no manifest lists and no living task writes.
public enum Sweep {
    /// Returns those of a folder's files that may go.
    ///
    /// Only shards, published or temporary, and temporary manifest files, of this set, this partition and an epoch
    /// below the caller's, and none that is listed. The caller has fenced every lower epoch before: none of them can
    /// commit a listing any more.
    public static func removable(
        of files: some Sequence<String>, name: String, partition: Int, epoch: Int64, listed: Set<String>
    ) -> [String] {
        files.filter { file in
            if let owner = ManifestFileHeader.owner(ofTemporaryFile: file) {
                return owner.partition == partition && owner.epoch < epoch
            }
            guard !listed.contains(file), let shard = ShardName(file: file) ?? ShardName(temporaryFile: file) else {
                return false
            }
            return shard.name == name && shard.partition == partition && shard.epoch < epoch
        }.sorted()
    }

    /// Removes them; to be called after fencing and after reading the manifest.
    /// - Parameter listed: the files that the manifest lists now.
    /// - Returns: the names of the files removed.
    @discardableResult
    public static func run(
        _ storage: any ShardStorage, name: String, partition: Int, epoch: Int64, listed: Set<String>
    ) throws(ShardError) -> [String] {
        let files = self.removable(
            of: try storage.list(), name: name, partition: partition, epoch: epoch, listed: listed)
        for file in files { try storage.remove(file) }
        return files
    }
}
