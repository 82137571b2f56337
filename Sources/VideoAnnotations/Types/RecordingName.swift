// SPDX-License-Identifier: Apache-2.0

/// The names that one recording goes by, in the one form in which a guard may compare them.
///
/// A source, an exclusion list and a folder of videos write the same recording as `UID`, `UID.mp4`,
/// `full_scale/UID.MP4`, `UID_360p`, `UID_HMC_84346135_mono10bit`, or in upper case; and GoalStep joins recordings to
/// one that is called `grp-` and the id of the first. Two names that come out alike are held to be one recording: a
/// guard that keeps out one too many costs little.
enum RecordingName {
    /// The prefix before the id of the first of some recordings that were joined to one.
    private static let groupPrefix = "grp-"

    /// A recording's own name: of a path the last part.
    static func canonical(_ text: String) -> String {
        self.isLowercaseUUID(text) ? text : self.parts(text).last ?? ""
    }

    /// Tells whether a text is a UUID in small letters, which nearly all names are: it has no path and no extension,
    /// and no word for a camera has twelve hexadecimal digits, or four of them and a number behind.
    private static func isLowercaseUUID(_ text: String) -> Bool {
        guard text.utf8.count == 36 else { return false }
        for (place, byte) in text.utf8.enumerated() {
            if place == 8 || place == 13 || place == 18 || place == 23 {
                guard byte == UInt8(ascii: "-") else { return false }
            } else {
                guard 0x30...0x39 ~= byte || 0x61...0x66 ~= byte else { return false }
            }
        }
        return true
    }

    /// The names that an entry of a list may mean: each part of a path, since some data sets have a folder a recording.
    static func listed(_ text: some StringProtocol) -> [String] { self.parts(text) }

    /// The id of the first recording, of a canonical name of recordings that were joined; `nil` for any other name.
    static func firstOfGroup(_ canonical: String) -> String? {
        guard canonical.hasPrefix(Self.groupPrefix), canonical.count > Self.groupPrefix.count else { return nil }
        return String(canonical.dropFirst(Self.groupPrefix.count))
    }

    private static func parts(_ text: some StringProtocol) -> [String] {
        text.lowercased().split { $0 == "/" || $0 == "\\" }.compactMap { part in
            var name = Self.unquoted(part)
            while let shorter = Self.withoutExtension(name) ?? Self.withoutCamera(name) { name = shorter }
            return name.isEmpty ? nil : String(name)
        }
    }

    private static func unquoted(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, Self.isOutside(first) { text.removeFirst() }
        while let last = text.last, Self.isOutside(last) { text.removeLast() }
        return text
    }

    private static func isOutside(_ character: Character) -> Bool {
        character.isWhitespace || "\"'`\u{feff}".contains(character)
    }

    // MARK: Extensions

    private static let extensions: Set<Substring> = [
        "mp4", "m4v", "mov", "mkv", "avi", "webm", "mpg", "mpeg", "mts", "wmv", "vrs", "wav", "jpg", "png", "json",
        "csv",
        "txt", "pt", "pth", "npy", "npz", "safetensors", "pkl", "h5", "hdf5", "lmdb", "zip", "gz", "zst",
    ]

    private static func withoutExtension(_ name: Substring) -> Substring? {
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex,
            Self.extensions.contains(name[name.index(after: dot)...])
        else { return nil }
        return name[..<dot]
    }

    // MARK: Cameras

    /// Known suffixes of a recording's name for one of its cameras or encodings, with a number behind them or not.
    private static let cameras: Set<Substring> = [
        "cam", "camera", "gopro", "hero", "hololens", "aria", "hmc", "pv", "ego", "exo", "rgb", "gray", "grey", "mono",
        "stereo", "left", "right", "head", "front", "rear",
    ]

    /// Drops `_360p`, `-cam02`, `_HMC_84346135` and the like.
    private static func withoutCamera(_ name: Substring) -> Substring? {
        guard let (rest, last) = Self.split(name) else { return nil }
        if Self.isCamera(last) || Self.isEncoding(last) { return rest }
        // A serial number says something behind the word for the camera alone.
        guard last.allSatisfy(\.isNumber), let (front, word) = Self.split(rest),
            Self.cameras.contains(word) || Self.isEncoding(word)
        else { return nil }
        return front
    }

    private static func split(_ name: Substring) -> (rest: Substring, last: Substring)? {
        guard let place = name.lastIndex(where: { "_-. ".contains($0) }), place > name.startIndex else { return nil }
        return (name[..<place], name[name.index(after: place)...])
    }

    private static func isCamera(_ word: Substring) -> Bool {
        var letters = word
        while let last = letters.last, last.isNumber { letters.removeLast() }
        return Self.cameras.contains(letters) || word == "mono10bit"
    }

    /// `360p`, `4k`, `30fps`, `540ss`
    private static func isEncoding(_ word: Substring) -> Bool {
        let digits = word.prefix { $0.isNumber }
        return !digits.isEmpty && ["p", "k", "fps", "ss"].contains(word.dropFirst(digits.count))
    }
}
