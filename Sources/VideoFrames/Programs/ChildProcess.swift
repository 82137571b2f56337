// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Glibc

/// A program run beside this one, within bounds: what it reads may be hostile, and it must not take the machine along.
///
/// It gets no variable of ours but PATH, no file of ours but the one it is to read, as descriptor 3, and may write no
/// file. Its output is read while it runs; a reader that is slow holds it up.
struct ChildProcess {
    /// The bounds.
    struct Limits: Hashable, Sendable {
        /// Seconds that we wait for its output, taken together; processor time is bound by four times that.
        var seconds = 3600
        /// Bytes of address space.
        var memory = 6 << 30
        /// Bytes of output.
        var output = Int.max
    }

    /// The end of a program.
    struct Ending: Hashable {
        /// Its exit code; 128 and the signal's number where one ended it.
        var code: Int
        /// The beginning of what it said on standard error.
        var words: String
    }

    private static let wordsMax = 64 << 10
    /// The longest time between two looks at whether we are to stop, in milliseconds.
    private static let pollTime: Int32 = 100

    /// Runs a program to its end. This blocks: it is called on a thread of one's own.
    /// - Parameters:
    ///   - input: what it reads as `/dev/fd/3`.
    ///   - isCancelled: asked every now and then; the program is then ended.
    ///   - consume: takes its output, piece by piece; what it throws ends the program.
    static func run(
        _ program: String, _ arguments: [String], input: InputFile, limits: Limits,
        isCancelled: () -> Bool = { false },
        consume: (UnsafeRawBufferPointer) throws(VideoFault) -> Void
    ) throws(VideoFault) -> Ending {
        var child = try Child(program, arguments, input.descriptor, limits)
        defer { child.end() }
        var patience = Duration.seconds(limits.seconds), bytes = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while !child.isSilent {
            let start = ContinuousClock.now
            let ready = child.wait(Self.pollTime)
            patience -= ContinuousClock.now - start
            if isCancelled() { throw VideoFault(.cancelled, "stopped") }
            guard patience > .zero else {
                throw VideoFault(.tooSlow, "\(Self.name(program)) took more than \(limits.seconds) s")
            }
            guard ready else { continue }
            let count = child.read(into: buffer, wordsMax: Self.wordsMax)
            guard count > 0 else { continue }
            bytes += count
            guard bytes <= limits.output else {
                throw VideoFault(.tooLarge, "\(Self.name(program)) gave more than \(limits.output) bytes")
            }
            try consume(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        guard let code = child.join(within: patience, isCancelled) else {
            throw VideoFault(.tooSlow, "\(Self.name(program)) did not end after its output had")
        }
        return Ending(code: code, words: VideoFault.harmless(child.words))
    }

    private static func name(_ program: String) -> String {
        program.split(separator: "/").last.map(String.init) ?? program
    }
}

/// A running program with both of its streams.
private struct Child {
    private var pid: pid_t = 0
    private var output: Int32 = -1
    private var errors: Int32 = -1
    private(set) var words: [UInt8] = []

    /// The shell sets the bounds, which `posix_spawn` cannot: address space in KiB, seconds, no core, no file.
    private static let script =
        "ulimit -v \"$1\" && ulimit -t \"$2\" && ulimit -c 0 && ulimit -f 0 && shift 2 && exec \"$@\""

    init(_ program: String, _ arguments: [String], _ input: Int32, _ limits: ChildProcess.Limits) throws(VideoFault) {
        var outputPipe: [Int32] = [-1, -1], errorPipe: [Int32] = [-1, -1]
        // Sockets are closed in every other child from the first, which pipes are not here.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &outputPipe) == 0 else { throw Self.failure("open a stream", errno) }
        guard socketpair(AF_UNIX, kind, 0, &errorPipe) == 0 else {
            let number = errno
            outputPipe.forEach { _ = close($0) }
            throw Self.failure("open a stream", number)
        }
        defer {
            close(outputPipe[1])
            close(errorPipe[1])
        }
        var actions = posix_spawn_file_actions_t(), attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, outputPipe[1], 1)
        posix_spawn_file_actions_adddup2(&actions, errorPipe[1], 2)
        posix_spawn_file_actions_adddup2(&actions, input, 3)
        var signals = sigset_t(), none = sigset_t()
        sigemptyset(&none)
        sigemptyset(&signals)
        for signal in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setsigmask(&attributes, &none)
        // A group of its own: Ctrl-C is ours to answer, and what it starts ends with it.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        let words =
            ["/bin/sh", "-c", Self.script, "sh", "\(limits.memory >> 10)", "\(4 * limits.seconds)", program] + arguments
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let number = Self.withStrings(words) { words in
            Self.withStrings(["PATH=" + path, "LC_ALL=C"]) { environment in
                posix_spawn(&self.pid, "/bin/sh", &actions, &attributes, words, environment)
            }
        }
        guard number == 0 else {
            close(outputPipe[0])
            close(errorPipe[0])
            throw Self.failure("start \(program)", number)
        }
        self.output = outputPipe[0]
        self.errors = errorPipe[0]
    }

    private static func failure(_ action: String, _ number: Int32) -> VideoFault {
        VideoFault(.failed, "cannot \(action): \(String(cString: strerror(number)))")
    }

    private static func withStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return body(copies + [nil])
    }

    /// Tells whether both of its streams have ended.
    var isSilent: Bool { self.output < 0 && self.errors < 0 }

    /// Waits until there is something to read.
    func wait(_ milliseconds: Int32) -> Bool {
        var streams = [
            pollfd(fd: self.output, events: Int16(POLLIN), revents: 0),
            pollfd(fd: self.errors, events: Int16(POLLIN), revents: 0),
        ]
        return poll(&streams, 2, milliseconds) > 0
    }

    /// Reads what is there, without waiting.
    /// - Returns: the bytes of output that came; words are kept.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer, wordsMax: Int) -> Int {
        if let count = Self.read(&self.errors, buffer), count > 0 {
            let room = max(wordsMax - self.words.count, 0)
            self.words += UnsafeRawBufferPointer(rebasing: buffer[..<min(count, room)])
        }
        return Self.read(&self.output, buffer) ?? 0
    }

    /// - Returns: `nil` where nothing is there, or the stream has ended.
    private static func read(_ stream: inout Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int? {
        guard stream >= 0 else { return nil }
        var status = pollfd(fd: stream, events: Int16(POLLIN), revents: 0)
        guard poll(&status, 1, 0) > 0 else { return nil }
        let count = Glibc.read(stream, buffer.baseAddress, buffer.count)
        if count > 0 { return count }
        if count < 0, errno == EINTR || errno == EAGAIN { return nil }
        close(stream)
        stream = -1
        return nil
    }

    /// Waits for its end.
    /// - Returns: its exit code; `nil` where it does not end in time.
    mutating func join(within patience: Duration, _ isCancelled: () -> Bool) -> Int? {
        let deadline = ContinuousClock.now + min(patience, .seconds(30))
        while true {
            var status: Int32 = 0
            let found = waitpid(self.pid, &status, WNOHANG)
            if found == self.pid {
                self.pid = 0
                let signal = Int(status & 0x7f)
                return signal == 0 ? Int(status >> 8 & 0xff) : 128 + signal
            }
            if found < 0, errno != EINTR { return 0 }
            guard ContinuousClock.now < deadline, !isCancelled() else { return nil }
            usleep(2000)
        }
    }

    /// Ends it, if it still runs, and lets its streams go.
    mutating func end() {
        if self.output >= 0 { close(self.output) }
        if self.errors >= 0 { close(self.errors) }
        (self.output, self.errors) = (-1, -1)
        guard self.pid > 0 else { return }
        kill(-self.pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(self.pid, &status, 0) < 0, errno == EINTR {}
        self.pid = 0
    }
}
