// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Glibc
public import Records
import Synchronization

/// Figures in a folder of the home: a file a process, replaced whole, beside a lock that lasts as long as the process.
///
/// The lock is the system's and goes with the process, however that ends; the number of a process means nothing here,
/// for another may have it by now. Where machines share the folder and their locks do not reach each other, the figures
/// of another host count until they are too old.
public final class FolderExchange: FigureExchange {
    /// The age at which figures of another host, whose lock is not seen, are those of a dead process.
    static let millisecondsMax: Timestamp = 30_000
    /// The most files that are looked at.
    static let filesMax = 1_000

    /// Each second.
    public let secondsBetween = 1

    private struct State {
        var lock: Int32 = -1
        var instance: String?
    }

    private let folder: String
    private let host: String
    private let clock: @Sendable () -> Timestamp
    private let state = Mutex(State())

    /// Describes an exchange; the folder is made when something is published.
    /// - Parameter clock: milliseconds since 1970, by the system's clock.
    public init(
        folder: String, host: String = ProcessReadings.host,
        clock: @escaping @Sendable () -> Timestamp = { ProcessReadings.systemTime }
    ) {
        self.folder = folder
        self.host = host
        self.clock = clock
    }

    deinit { self.withdraw() }

    private func path(_ instance: String, _ ending: String) -> String { "\(self.folder)/\(instance).\(ending)" }

    // MARK: Publishing

    /// Replaces the process's file.
    public func publish(_ figures: ProcessFigures) throws(FigureExchangeError) {
        let bytes = figures.json
        let instance = figures.identity.instance
        let failure = self.state.withLock { state -> FigureExchangeError? in
            do throws(FileFailure) {
                if state.instance != instance || state.lock < 0 { try self.begin(instance, &state) }
                try self.replace(self.path(instance, "json"), by: bytes)
                return nil
            } catch {
                return FigureExchangeError(error.message)
            }
        }
        if let failure { throw failure }
    }

    /// Removes the process's file and its lock.
    public func withdraw() {
        self.state.withLock { state in
            guard let instance = state.instance else { return }
            unlink(self.path(instance, "json"))
            unlink(self.path(instance, "json.partial"))
            unlink(self.path(instance, "lock"))
            if state.lock >= 0 { close(state.lock) }
            state = State()
        }
    }

    private func begin(_ instance: String, _ state: inout State) throws(FileFailure) {
        try Folder.create(self.folder, isPrivate: true)
        self.removeLeftOver()
        // One who removes what the dead have left may take a new file for such before it is locked.
        for _ in 0..<10 {
            let path = self.path(instance, "lock")
            let descriptor = try OwnFile.open(path, O_RDWR | O_CREAT)
            var own = stat()
            var named = stat()
            let isOwn = flock(descriptor, LOCK_EX | LOCK_NB) == 0
            if isOwn, fstat(descriptor, &own) == 0, stat(path, &named) == 0, own.st_ino == named.st_ino {
                state.lock = descriptor
                state.instance = instance
                return
            }
            // A file system without locks: the age decides alone.
            if !isOwn, errno != EWOULDBLOCK {
                close(descriptor)
                unlink(path)
                state.instance = instance
                return
            }
            close(descriptor)
        }
        throw FileFailure(.taken, "lock", self.path(instance, "lock"), "another process of that name holds it")
    }

    /// Neither is made durable: after a crash of the machine there is no process to tell of.
    private func replace(_ path: String, by bytes: Bytes) throws(FileFailure) {
        let partial = path + ".partial"
        let descriptor = try OwnFile.open(partial, O_WRONLY | O_CREAT | O_TRUNC)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                let number = errno
                close(descriptor)
                unlink(partial)
                throw FileFailure("write", partial, number: number)
            }
            written += count
        }
        close(descriptor)
        guard rename(partial, path) == 0 else { throw FileFailure("write", path, number: errno) }
    }

    /// Removes what the dead have left.
    private func removeLeftOver() {
        for instance in self.instances() {
            let figures = try? self.figures(of: instance)
            let path = self.path(instance, "lock")
            let descriptor = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
            defer { if descriptor >= 0 { close(descriptor) } }
            if descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) != 0 { continue }
            if let figures, self.isFreshElsewhere(figures) { continue }
            for ending in ["json", "json.partial", "lock"] { unlink(self.path(instance, ending)) }
        }
    }

    // MARK: Reading

    /// Reads the files of processes that live.
    public func read() throws(FigureExchangeError) -> FigureReading {
        var reading = FigureReading()
        for instance in self.instances() {
            do throws(FigureExchangeError) {
                guard let figures = try self.figures(of: instance), self.isAlive(figures, instance) else { continue }
                reading.figures.append(figures)
            } catch {
                if self.isLocked(instance) { reading.refused.append(error.message) }
            }
        }
        reading.sort()
        return reading
    }

    private func isAlive(_ figures: ProcessFigures, _ instance: String) -> Bool {
        self.isLocked(instance) || self.isFreshElsewhere(figures)
    }

    /// A reader that gets the lock finds that the file's process is gone.
    private func isLocked(_ instance: String) -> Bool {
        let descriptor = open(self.path(instance, "lock"), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    private func isFreshElsewhere(_ figures: ProcessFigures) -> Bool {
        figures.identity.host != self.host && self.clock() - figures.at < Self.millisecondsMax
    }

    private func figures(of instance: String) throws(FigureExchangeError) -> ProcessFigures? {
        let path = self.path(instance, "json")
        let bytes: Bytes?
        do throws(FileFailure) {
            bytes = try OwnFile.contents(path, bytesMax: ProcessFigures.bytesMax)
        } catch {
            // Replaced or removed meanwhile: the next look finds it, or its end.
            if error.code == .changed || error.code == .missing { return nil }
            throw FigureExchangeError(error.message)
        }
        guard let bytes else { return nil }
        let figures: ProcessFigures
        do throws(JSONError) {
            figures = try ProcessFigures(parsing: bytes)
        } catch {
            throw FigureExchangeError("\(path): \(error); it is not shown")
        }
        guard figures.identity.instance == instance else {
            throw FigureExchangeError("\(path): holds the figures of another process; it is not shown")
        }
        return figures
    }

    /// The names of files of this form, in a fixed order.
    private func instances() -> [String] {
        guard let directory = opendir(self.folder) else { return [] }
        defer { closedir(directory) }
        var names: Set<String> = []
        while names.count < Self.filesMax, let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let instance = String(name.prefix { $0 != "." })
            if InstanceName.isValid(instance) { names.insert(instance) }
        }
        return names.sorted()
    }
}
