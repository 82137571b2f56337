// SPDX-License-Identifier: Apache-2.0

public import Codecs

/// Brings the description files of several chunks together.
public enum LegoMerge {
    /// A fault of the files.
    public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        /// The fault, with the file's name.
        public var message: String
        /// Equals `message`.
        public var description: String { self.message }
    }

    /// Merges objects of clips as the original does: in the order of the files' names as texts, and a clip of a later
    /// file replaces the whole clip and keeps its place.
    /// - Returns: the object, and the clips that were replaced, which are lost.
    public static func merge(_ files: [String: JSONValue]) throws(Fault) -> (merged: JSONValue, replaced: [String]) {
        var members: [JSONValue.Member] = [], places: [String: Int] = [:], replaced: [String] = []
        for (name, value) in files.sorted(by: {
            Array($0.key.unicodeScalars).lexicographicallyPrecedes(Array($1.key.unicodeScalars))
        }) {
            guard case .object(let clips) = value else { throw Fault(message: "\(name) holds no object of clips") }
            for clip in clips {
                if let place = places[clip.key] {
                    members[place] = clip
                    replaced.append(clip.key)
                } else {
                    places[clip.key] = members.count
                    members.append(clip)
                }
            }
        }
        return (.object(members), replaced)
    }
}
