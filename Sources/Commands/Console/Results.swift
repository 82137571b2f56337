// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Records
import Synchronization

/// Results go to standard output by here and nowhere else, buffered, and every write is checked.
///
/// Text is made visible (`VisibleText`), and JSON with JSON's own escapes, wherever it goes: what ends in a pipe or a
/// file is looked at on a terminal later.
enum Results {
    private struct State {
        var buffer: Bytes = []
        var failure: OutputFailure?
        let isTerminal = StandardStream.output.isTerminal
    }

    private static let state = Mutex(State())
    private static let bufferBytes = 1 << 16

    /// Writes a line for people.
    /// - Throws: `OutputFailure`, here or on a later call: the writer has no more to do.
    static func line(_ text: String) throws(OutputFailure) { try self.append(Bytes(VisibleText.text(text).utf8)) }

    /// Writes lines for people.
    static func lines(_ lines: some Sequence<String>) throws(OutputFailure) {
        for line in lines { try self.line(line) }
    }

    /// Writes lines for people about a file that a command has written: where that is standard output, they would spoil
    /// it, and go to standard error.
    static func lines(_ lines: [String], beside output: String) throws(OutputFailure) {
        if OutputFile.isStandardOutput(output) { return lines.forEach { Console.info($0) } }
        try self.lines(lines)
    }

    /// Writes a text of several lines for people.
    static func text(_ text: String) throws(OutputFailure) {
        let whole = text.hasSuffix("\n") ? text.dropLast() : text[...]
        try self.lines(whole.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
    }

    /// Writes lines for people in place of those before: on a terminal from its top, cut to its size, elsewhere as a
    /// block.
    static func redraw(_ lines: [String]) throws(OutputFailure) {
        guard let size = TerminalSize.of(.output) else {
            try self.lines(lines)
            return try self.flush()
        }
        try self.flush()
        let fitting = size.fit(lines.map { VisibleText.text($0) })
        // To the top; of each line the rest, and behind the last line all, is cleared.
        let text = "\u{1b}[H" + fitting.map { $0 + "\u{1b}[K\n" }.joined() + "\u{1b}[J"
        try StandardStream.output.write(Bytes(text.utf8))
    }

    /// Writes a line of JSON.
    static func json(_ bytes: Bytes) throws(OutputFailure) {
        try self.append(VisibleText.bytes(bytes, as: .json))
    }

    /// Writes lines of JSON, each with its line feed.
    static func json(lines: ArraySlice<UInt8>) throws(OutputFailure) {
        try self.append(lines: VisibleText.bytes(lines, as: .json)?[...] ?? lines)
    }

    private static func append(_ line: Bytes) throws(OutputFailure) {
        try self.append(lines: line[...], end: UInt8(ascii: "\n"))
    }

    private static func append(lines: ArraySlice<UInt8>, end: UInt8? = nil) throws(OutputFailure) {
        let failure = self.state.withLock { state -> OutputFailure? in
            state.buffer.append(contentsOf: lines)
            if let end { state.buffer.append(end) }
            if state.isTerminal || state.buffer.count >= self.bufferBytes { self.drain(&state) }
            return state.failure
        }
        if let failure { throw failure }
    }

    /// Writes what is buffered.
    static func flush() throws(OutputFailure) {
        let failure = self.state.withLock { state -> OutputFailure? in
            self.drain(&state)
            return state.failure
        }
        if let failure { throw failure }
    }

    /// Writes what is buffered and closes standard output.
    /// - Throws: `OutputFailure`, unless the reader has gone or nothing was ever written.
    static func finish() throws(OutputFailure) {
        let failure = self.state.withLock { state -> OutputFailure? in
            self.drain(&state)
            do throws(OutputFailure) {
                try StandardStream.output.close()
            } catch {
                state.failure = state.failure ?? error
            }
            return state.failure
        }
        if let failure, !failure.isReaderGone { throw failure }
    }

    private static func drain(_ state: inout State) {
        defer { state.buffer.removeAll(keepingCapacity: true) }
        guard !state.buffer.isEmpty, state.failure == nil else { return }
        do throws(OutputFailure) {
            try StandardStream.output.write(state.buffer)
        } catch {
            state.failure = error
        }
    }
}
