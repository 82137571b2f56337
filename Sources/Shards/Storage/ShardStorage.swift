// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// The few operations on a folder of files that publishing and reading shards need.
///
/// A crash keeps bytes of a file after its `synchronize`, and names after `synchronizeFolder`. Used from any thread.
public protocol ShardStorage: AnyObject, Sendable {
    /// Location of the files, for messages: a folder's path.
    var location: String { get }

    /// Creates a file and opens it for appending.
    /// - Throws: `ShardError.Code.nameTaken`, `.missing` without the folder, `.readOnly`, `.storageFull`.
    func create(_ name: String) throws(ShardError) -> any ShardFile

    /// Gives a file another name, atomically.
    /// - Parameter replacing: whether a file of that name may be replaced.
    /// - Throws: `ShardError.Code.nameTaken` if it may not and is there; `.missing` without the file.
    func rename(_ name: String, to newName: String, replacing: Bool) throws(ShardError)

    /// Gives a file the name of another, which need not be there, if a look at that one permits: atomically, so that of
    /// two who come at once the second sees what the first has put there.
    /// - Parameter permits: decides by the first bytes of what is there and by its size.
    /// - Returns: `false` if what is there stays, and `temporary` as well.
    func replace(
        _ name: String, with temporary: String, if permits: (Bytes, Int) -> Bool
    ) throws(ShardError) -> Bool

    /// Tells whether a name leads to a file that was created here and is open.
    func isNamed(_ file: any ShardFile, _ name: String) -> Bool

    /// Makes the names of the folder durable as they are now.
    func synchronizeFolder() throws(ShardError)

    /// The names of all files, in no promised order.
    func list() throws(ShardError) -> [String]

    /// Removes a file; no such file: nothing.
    func remove(_ name: String) throws(ShardError)

    /// Opens a file for reading.
    /// - Throws: `ShardError.Code.missing`.
    func open(_ name: String) throws(ShardError) -> any ShardContent
}

/// A file that is being written. Used from one thread at a time.
public protocol ShardFile: AnyObject {
    /// Appends bytes, all of them.
    func append(_ bytes: UnsafeRawBufferPointer) throws(ShardError)

    /// Makes what was appended durable.
    func synchronize() throws(ShardError)

    /// Closes the file; a second time does nothing.
    func close() throws(ShardError)
}

/// A file that is being read. Used from any thread.
public protocol ShardContent: AnyObject, Sendable {
    /// The size in bytes when the file was opened.
    var size: Int { get }

    /// The bytes of a range, all of them.
    /// - Throws: `ShardError.Code.corrupt` if the file ends before the range does.
    func read(_ range: Range<Int>) throws(ShardError) -> Bytes
}
