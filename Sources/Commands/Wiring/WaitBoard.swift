// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Engine
import Foundation
import ModelCalls
import Records
import Synchronization

/// Lets `status` see, from other processes, which model servers a run waits for: a file in the home's folder `waits`.
///
/// The file is there while something is waited for, and locked for as long as its process lives, so one that a killed
/// process has left says nothing.
final class WaitBoard: Sendable {
    /// A wait as the file tells it.
    struct Note: Hashable {
        var topology: String
        var host: String
        var process: Int
        var server: String
        /// Milliseconds since 1970.
        var since: Timestamp
        var message: String

        /// `nlq: process 17 on host waits for the model server http://… for 9 min: HTTP 401: …`
        func text(now: Timestamp) -> String {
            let wait = ServerWait(server: self.server, seconds: Double(now - self.since) / 1000, message: self.message)
            return
                "\(self.topology): process \(self.process) on \(self.host) is waiting for the model server \(self.server) "
                + "for \(wait.text)"
        }
    }

    private struct State {
        var notes: [Note] = []
        var descriptor: Int32 = -1
    }

    private let folder: String
    private let path: String
    private let topology: String
    private let state = Mutex(State())

    init(_ home: Home, topology: String) {
        self.folder = home.waitsFolder
        self.topology = topology
        self.path = "\(self.folder)/\(topology)-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).json"
    }

    /// Takes what is waited for now; the file is written where that is news.
    func show(_ waits: [ServerWait]) {
        let now = Engine.systemClock()
        self.state.withLock { state in
            let notes = waits.map { wait in
                let since = state.notes.first { $0.server == wait.server }?.since
                return Note(
                    topology: self.topology, host: ProcessInfo.processInfo.hostName, process: Int(getpid()),
                    server: wait.server, since: since ?? now - Timestamp(wait.seconds * 1000), message: wait.message)
            }
            guard notes != state.notes else { return }
            state.notes = notes
            notes.isEmpty ? self.remove(&state) : self.write(&state)
        }
    }

    // MARK: The file

    private func remove(_ state: inout State) {
        guard state.descriptor >= 0 else { return }
        unlink(self.path)
        close(state.descriptor)
        state.descriptor = -1
    }

    private func write(_ state: inout State) {
        if state.descriptor < 0 {
            try? Folder.create(self.folder, isPrivate: true)
            Self.removeLeftOver(in: self.folder)
            state.descriptor = (try? OwnFile.open(self.path, O_RDWR | O_CREAT | O_EXCL)) ?? -1
            // A reader holds the lock for a moment only.
            if state.descriptor >= 0 { flock(state.descriptor, LOCK_EX) }
        }
        // Notes that cannot be written are not shown; the run reports the waits all the same.
        guard state.descriptor >= 0 else { return }
        let bytes = Self.json(state.notes)
        ftruncate(state.descriptor, 0)
        _ = pwrite(state.descriptor, bytes, bytes.count, 0)
    }

    private static func json(_ notes: [Note]) -> Bytes {
        var json = JSONWriter()
        json.beginArray()
        for note in notes { note.write(to: &json) }
        json.endArray()
        return json.bytes
    }

    /// The waits of runs on this home, the longest first.
    static func read(_ home: Home) -> [Note] {
        Self.files(in: home.waitsFolder).flatMap { path -> [Note] in
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            guard descriptor >= 0 else { return [] }
            defer { close(descriptor) }
            // A reader that gets the lock finds that the file's process is gone.
            guard flock(descriptor, LOCK_SH | LOCK_NB) != 0 else { return [] }
            guard let data = FileManager.default.contents(atPath: path),
                let list = try? JSONValue(parsing: Bytes(data)).array
            else { return [] }
            return list.compactMap(Note.init)
        }.sorted { ($0.since, $0.topology) < ($1.since, $1.topology) }
    }

    private static func removeLeftOver(in folder: String) {
        for path in Self.files(in: folder) {
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            close(descriptor)
        }
    }

    private static func files(in folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".json") }.map { "\(folder)/\($0)" }
    }
}

extension WaitBoard.Note {
    fileprivate init?(_ json: JSONValue) {
        guard let topology = json["topology"]?.string, let host = json["host"]?.string,
            let process = json["process"]?.int, let server = json["server"]?.string,
            let since = json["since"]?.int, let message = json["message"]?.string
        else { return nil }
        self.init(
            topology: topology, host: host, process: process, server: server, since: Timestamp(since), message: message)
    }

    /// Writes the note as an object.
    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("topology", self.topology)
        json.field("host", self.host)
        json.field("process", self.process)
        json.field("server", self.server)
        json.field("since", Int(self.since))
        json.field("message", self.message)
        json.endObject()
    }
}
