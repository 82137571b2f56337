// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import Testing

/// A folder with albums, their images, a topology, and a home to run it in.
final class CaptionWorld: Sendable {
    let folder: URL
    /// The number of photos of all albums.
    let photos: Int

    /// Writes so many albums of so many photos.
    init(albums: Int = 4, photos: Int = 6) throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "captions-\(UUID().uuidString)")
        self.photos = albums * photos
        let media = self.folder.appending(path: "media")
        try FileManager.default.createDirectory(at: media, withIntermediateDirectories: true)
        var lines = ""
        for album in 1...albums {
            for photo in 1...photos {
                let image = CaptionModel.image("a\(album)/\(photo)"), file = "a\(album)-\(photo).png"
                try Data(image).write(to: media.appending(path: file))
                lines += #"{"album":"a\#(album)","file":"\#(file)","sha256":"\#(ContentHash.sha256(image))"}"# + "\n"
            }
        }
        try self.write(lines, to: "albums.jsonl")
        try self.write(Self.topology, to: "captions.yaml")
    }

    deinit { try? FileManager.default.removeItem(at: self.folder) }

    private static let topology = """
        name: captions
        stages:
          describe:
            from: albums
            commit: { seconds: 0.1 }
            steps:
              - photos: {}
              - llm: { model: m-1, base-url: "${LLM_BASE_URL:-http://127.0.0.1:8080/v1}", in-flight: 8 }
            to: { shards: captions, rotate: { samples: 2, seconds: 0 } }

        """

    /// The path of a file in the folder.
    func path(_ name: String) -> String { self.folder.appending(path: name).path }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: self.path(name)))
    }

    // MARK: Commands

    /// Starts a command on a home in the folder.
    /// - Parameter log: the log's address, where it is not the home's own.
    func start(
        _ arguments: [String], home: String = "home", log: String? = nil, environment: [String: String] = [:]
    ) throws -> CaptionProgram {
        var variables = ["MILLRACE_HOME": self.path(home), "MILLRACE_MEDIA": self.path("media")]
        // The broker of the tests is noida-db.
        if let log { variables.merge(["MILLRACE_LOG": log, "MILLRACE_KAFKA_MILLRACE_BROKER_QUIRKS": "true"]) { $1 } }
        return try CaptionProgram(arguments, environment: variables.merging(environment) { $1 }, in: self.folder)
    }

    /// Runs a command that must end well, and returns the lines that it printed.
    @discardableResult
    func run(
        _ arguments: String..., home: String = "home", log: String? = nil, environment: [String: String] = [:],
        at place: SourceLocation = #_sourceLocation
    ) async throws -> [String] {
        try await self.start(arguments, home: home, log: log, environment: environment).lines(at: place)
    }

    /// Ingests the albums.
    func ingest(home: String = "home", log: String? = nil) async throws {
        try await self.run(
            "ingest", "albums", "--file", self.path("albums.jsonl"), home: home, log: log)
    }

    /// The arguments of a run to the end of the input.
    var runArguments: [String] { ["run", self.path("captions.yaml"), "--until-idle"] }

    // MARK: Results

    /// The shards of a set by partition and sequence; the epoch in a name differs from run to run.
    func shards(of set: String = "captions", home: String = "home", log: String? = nil) async throws -> [String: Data] {
        var shards: [String: Data] = [:]
        for line in try await self.run("shards", "list", set, "--json", home: home, log: log) {
            let file = try #require(try JSONValue(parsing: line.utf8)["file"]?.string)
            let place = file.split(separator: "-").suffix(3).prefix(2).joined(separator: "-")
            let bytes = try Data(contentsOf: self.folder.appending(path: "\(home)/shards/\(set)/\(file)"))
            #expect(shards.updateValue(bytes, forKey: place) == nil, "two shards at \(place)")
        }
        return shards
    }

    /// The files that have been published in the set's folder, committed or not.
    func published(home: String = "home") -> Set<String> {
        let names = try? FileManager.default.contentsOfDirectory(atPath: self.path("\(home)/shards/captions"))
        return Set((names ?? []).filter { !$0.hasPrefix(".") })
    }

    /// The ids of the samples by album, in the order of the commits.
    func samples(of set: String = "captions", home: String = "home", log: String? = nil) async throws -> [String:
        [String]]
    {
        let lines = try await self.run("shards", "cat", set, home: home, log: log)
        let ids = try lines.map { try #require(try JSONValue(parsing: $0.utf8)["caption_id"]?.string) }
        return Dictionary(grouping: ids) { String($0.prefix { $0 != "/" }) }
    }

    /// The ids that the samples of undisturbed albums have, by album.
    func expectedSamples(albums: Int = 4, photos: Int = 6) -> [String: [String]] {
        var samples: [String: [String]] = [:]
        for album in 1...albums {
            samples["a\(album)"] = (1...photos).map { "a\(album)/\($0)" }.filter { $0 != CaptionModel.unrated }
        }
        return samples
    }
}
