// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// The files of one recording.
struct WTaGRecording {
    /// The length of the recording in seconds.
    let durationSec: Double
    private let folder: String
    private let startTick: Double
    private var narrations: [AttachedNarration] = []
    private var byteCount = 0

    private static let ticksPerSecond = 10_000_000.0
    private static let fields = NarrationFieldNames(time: "the first column", text: "the third column")

    /// Reads the recording's start and end.
    init(folder: String) throws(SourceError) {
        self.folder = folder
        let path = folder + "/Video/VideoMpegTiming.txt"
        var lines = LineReader(try FileReader.text(path: path))
        var ticks: [Double] = []
        while ticks.count < 2, try lines.next() {
            let text = String(decoding: lines.bytes.prefix(64), as: UTF8.self).trimming()
            if text.isEmpty { continue }
            guard let tick = Double(text), tick.isFinite else {
                throw SourceError(
                    file: path, line: lines.line, "is no number of ticks: expected the start and the end, a line each")
            }
            ticks.append(tick)
        }
        guard ticks.count == 2 else { throw SourceError(file: path, "lacks the start or the end, a line each") }
        self.startTick = ticks[0]
        self.durationSec = (ticks[1] - ticks[0]) / Self.ticksPerSecond
    }

    /// Reads steps and talk; a row that is none is a problem of its own.
    mutating func readEvents(into group: inout NarrationGroup) throws(SourceError) {
        try self.read("StepDetection/StepDetection.txt", role: nil, into: &group)
        try self.read("TextASR/InstructorAnnotations_intent.txt", role: "assistant", into: &group)
        try self.read("TextASR/UserAnnotations_intent.txt", role: "user", into: &group)
    }

    private mutating func read(_ name: String, role: String?, into group: inout NarrationGroup) throws(SourceError) {
        let path = self.folder + "/" + name
        var lines = LineReader(try FileReader.text(path: path))
        while try lines.next() {
            let bytes = lines.bytes
            if bytes.allSatisfy({ $0 <= 0x20 }) {
                group.count("blank-lines")
                continue
            }
            self.byteCount += bytes.count
            if self.byteCount > SourceLimits.videoBytesMax {
                throw SourceError(
                    file: path, line: lines.line,
                    "the recording has more than \(SourceLimits.videoBytesMax >> 20) MiB of annotations")
            }
            do throws(SourceFault) {
                if lines.isTooLong {
                    throw SourceFault(
                        SourceReason.textTooLong, "longer than \(SourceLimits.lineBytesMax >> 20) MiB: shorten it")
                }
                try self.row(bytes, role: role, into: &group)
            } catch {
                let place = SourcePlace(file: path, line: lines.line, offset: lines.offset)
                group.add(
                    error.problem(at: place, entry: "recording \(group.videoUID)", key: group.videoUID, raw: bytes))
            }
        }
    }

    private mutating func row(_ bytes: Bytes, role: String?, into group: inout NarrationGroup) throws(SourceFault) {
        guard let line = String(validating: bytes, as: UTF8.self) else {
            throw SourceFault(SourceReason.invalidUTF8, "the row is not UTF-8: write the file as UTF-8")
        }
        let fields = line.trimming().split(separator: "\t", omittingEmptySubsequences: false)
        guard fields.count >= 3 else {
            throw SourceFault(
                SourceReason.wrongFieldCount, "\(fields.count) fields: expected start, end and text with tabs between")
        }
        var interval = Interval(try self.seconds(fields[0], "start"), try self.seconds(fields[1], "end"))
        let text = String(fields[2])
        if interval.start < 0, interval.end >= 0, text.lowercased() == Self.beginning {
            interval.start = 0
            group.count("cut-at-the-start")
        }
        self.narrations.append(
            AttachedNarration(
                text: text, interval: interval,
                details: NarrationDetails(level: role == nil ? .step : .substep, role: role)))
    }

    /// The text of the step that says when the task begins.
    private static let beginning = "start"

    /// The seconds since the recording's start.
    ///
    /// Ticks of today need 60 bits, and as floating point numbers they are rounded to 128, which is 12.8 µs. ProAssist
    /// computes so, and that is kept: its times come out the same.
    private func seconds(_ text: Substring, _ name: String) throws(SourceFault) -> Double {
        guard let tick = Int(text.trimming()) else {
            throw SourceFault(SourceReason.notANumber, "the \(name) is \"\(text.prefix(64))\": give a number of ticks")
        }
        return (Double(tick) - self.startTick) / Self.ticksPerSecond
    }

    /// Adds steps and talk in the order of the files, talk to the step that began last before it.
    consuming func add(to group: inout NarrationGroup) {
        let (key, place) = (group.videoUID, SourcePlace(file: self.folder))
        AttachedNarration.add(self.narrations, to: &group, fields: Self.fields) { fault, name in
            fault.problem(at: place, entry: "recording \(key), \(name)", key: key, raw: Bytes())
        }
    }
}
