// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
import Foundation
import ModelCalls
import Records
import Synchronization

/// Lets `status` see, from other processes, which model servers a run waits for: a file in the home's folder `waits`.
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

    private let file: LiveFile
    private let topology: String
    private let notes = Mutex<[Note]>([])

    init(_ home: Home, topology: String) {
        self.file = LiveFile(folder: home.waitsFolder, name: topology)
        self.topology = topology
    }

    /// Takes what is waited for now; the file is written where that is news.
    func show(_ waits: [ServerWait]) {
        let now = Engine.systemClock()
        self.notes.withLock { notes in
            let new = waits.map { wait in
                let since = notes.first { $0.server == wait.server }?.since
                return Note(
                    topology: self.topology, host: ProcessInfo.processInfo.hostName, process: Int(getpid()),
                    server: wait.server, since: since ?? now - Timestamp(wait.seconds * 1000), message: wait.message)
            }
            guard new != notes else { return }
            notes = new
            new.isEmpty ? self.file.remove() : self.file.write(Self.json(new))
        }
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
        LiveFile.elements(in: home.waitsFolder).compactMap(Note.init).sorted {
            ($0.since, $0.topology) < ($1.since, $1.topology)
        }
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
