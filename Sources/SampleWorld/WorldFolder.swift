// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The folder of a sample world: made ready, and cleared only of what an earlier sample world left there.
struct WorldFolder {
    /// First line of `README.txt`, by which a folder is known to be a sample world.
    static let mark = "Millrace sample world"
    static let readMe = "README.txt"
    static let features = "features"
    static let jsonFiles = [
        "narration.json", "ego4d.json", "nlq_train.json", "nlq_val.json", "nlq_test_unannotated.json", "nlq_test.json",
        "goalstep_train.json", "goalstep_val.json", "holoassist.json",
    ]
    /// The sessions of `holoassist.json` that are in a part of it, one name a line.
    static let lists = ["holoassist_train.txt", "holoassist_val.txt"]

    let url: URL

    /// Creates the folder if it is missing and marks it. A folder with files in it is refused; with `overwrite` an
    /// earlier sample world is removed first, and anything else is still refused.
    init(_ url: URL, overwrite: Bool, features: Bool) throws(SampleWorldError) {
        self.url = url
        let files = FileManager.default
        do {
            try files.createDirectory(at: url, withIntermediateDirectories: true)
            if try !files.contentsOfDirectory(atPath: url.path).isEmpty {
                try self.refuse(overwrite: overwrite)
                try self.clear()
            }
            try self.write(Self.mark + "\n\nBeing written; not complete yet.\n", to: Self.readMe)
            if features {
                try files.createDirectory(
                    at: url.appendingPathComponent(Self.features), withIntermediateDirectories: true)
            }
        } catch let error as SampleWorldError {
            throw error
        } catch {
            throw .inputOutput("prepare the folder", url.path, error)
        }
    }

    func write(_ text: String, to name: String) throws(SampleWorldError) {
        try self.write(Array(text.utf8), to: name)
    }

    func write(_ bytes: [UInt8], to name: String) throws(SampleWorldError) {
        do {
            try Data(bytes).write(to: self.url.appendingPathComponent(name))
        } catch {
            throw .inputOutput("write", self.url.appendingPathComponent(name).path, error)
        }
    }

    private func refuse(overwrite: Bool) throws {
        guard overwrite else {
            throw SampleWorldError(
                .notEmpty, "\(self.url.path) is not empty; choose another folder or ask to overwrite a sample world")
        }
        let text = try? String(contentsOf: self.url.appendingPathComponent(Self.readMe), encoding: .utf8)
        guard text?.hasPrefix(Self.mark) == true else {
            throw SampleWorldError(
                .notASampleWorld, "\(self.url.path) holds files that are not a sample world; choose another folder")
        }
    }

    private func clear() throws {
        let files = FileManager.default
        for name in Self.jsonFiles + Self.lists + ActionWriter.files {
            let file = self.url.appendingPathComponent(name)
            if files.fileExists(atPath: file.path) { try files.removeItem(at: file) }
        }
        for (folder, ending) in [
            (Self.features, ".pt"), (ActionWriter.features, ".pt"), (ActionWriter.frames, ".safetensors"),
        ] {
            try self.clear(folder, ending)
        }
        try self.clearPairs()
    }

    /// Frames of pairs have names of their own: `lego/SPLIT/<uid>/ACTION/FRAME.png`.
    private func clearPairs() throws {
        let files = FileManager.default, root = self.url.appendingPathComponent(ActionPairWriter.folder)
        guard files.fileExists(atPath: root.path) else { return }
        for split in ActionPairWriter.splits {
            let folder = root.appendingPathComponent(split)
            for clip in (try? files.contentsOfDirectory(atPath: folder.path)) ?? [] where clip.utf8.count == 36 {
                try files.removeItem(at: folder.appendingPathComponent(clip))
            }
            if (try? files.contentsOfDirectory(atPath: folder.path).isEmpty) == true {
                try files.removeItem(at: folder)
            }
        }
        for name in ActionPairWriter.files where files.fileExists(atPath: root.appendingPathComponent(name).path) {
            try files.removeItem(at: root.appendingPathComponent(name))
        }
        if try files.contentsOfDirectory(atPath: root.path).isEmpty { try files.removeItem(at: root) }
    }

    private func clear(_ name: String, _ ending: String) throws {
        let files = FileManager.default
        let folder = self.url.appendingPathComponent(name)
        guard files.fileExists(atPath: folder.path) else { return }
        // Only names in the form `<uid>.pt`.
        for name in try files.contentsOfDirectory(atPath: folder.path)
        where name.hasSuffix(ending) && name.utf8.count == 36 + ending.utf8.count {
            try files.removeItem(at: folder.appendingPathComponent(name))
        }
        if try files.contentsOfDirectory(atPath: folder.path).isEmpty { try files.removeItem(at: folder) }
    }

    /// Creates a folder in the world's.
    func create(_ name: String) throws(SampleWorldError) {
        do {
            try FileManager.default.createDirectory(
                at: self.url.appendingPathComponent(name), withIntermediateDirectories: true)
        } catch {
            throw .inputOutput("create", self.url.appendingPathComponent(name).path, error)
        }
    }
}
