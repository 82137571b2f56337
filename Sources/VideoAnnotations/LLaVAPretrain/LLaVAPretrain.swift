// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
public import TaskRooms

/// LLaVA-Pretrain: pictures with a caption each.
///
/// The file is `blip_laion_cc_sbu_558k.json`: a list of `{"id", "image", "conversations": [{"from": "human", "value"},
/// {"from": "gpt", "value"}]}`. The captions are what `gpt` says. Pictures have no time, so a row of them, 2,000 unless
/// told otherwise, stands for a video of two frames a second: picture k is seen from k/2 s on. The row is called after
/// the file and its number, so that the same file makes the same rows again. A caption that cannot be read is a
/// problem, and its picture keeps its place.
public struct LLaVAPretrainAdapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "llava-pretrain"
    /// The frames a second of the videos that rows of pictures stand for.
    public static let fps = 2.0
    /// The most pictures in a row.
    public static let picturesMax = 100_000

    /// The path of the annotations.
    public let annotations: String
    /// The number of pictures in a row.
    public let picturesPerFile: Int
    private let context: VideoContext

    private static let fields = NarrationFieldNames(time: "time", text: "value")

    /// Creates an adapter; `annotations` is opened by `read`.
    /// - Parameter picturesPerFile: from 1 to `picturesMax`.
    public init(annotations: String, picturesPerFile: Int = 2000) throws(SourceError) {
        guard (1...Self.picturesMax).contains(picturesPerFile) else {
            throw SourceError(
                file: "--pictures-per-file", "\(picturesPerFile) is not from 1 to \(Self.picturesMax): give 2000")
        }
        self.annotations = annotations
        self.picturesPerFile = picturesPerFile
        // The whole row is one clip: pictures have no neighbourhood.
        self.context = try VideoContext(SourceOptions(clipSeconds: 0))
    }

    /// Reads the file from its start; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        let reader = try FileReader.text(path: self.annotations, progress: progress)
        var splitter = JSONSplitter(
            reader, layout: JSONLayout(opening: [], taking: nil), pieceBytesMax: SourceLimits.textBytesMax)
        var number = 0
        var row = self.row(0)
        var place = SourcePlace(file: self.annotations)
        while let piece = try splitter.next() {
            let index = number % self.picturesPerFile
            if index == 0 {
                if number > 0 { try body(self.item(row, of: self.picturesPerFile, at: place)) }
                row = self.row(number / self.picturesPerFile)
                place = SourcePlace(file: self.annotations, line: piece.line, offset: piece.offset)
            }
            number += 1
            self.take(piece, as: index, into: &row)
        }
        guard number > 0 else {
            throw SourceError(
                file: self.annotations, "holds no picture: expected a list, as blip_laion_cc_sbu_558k.json")
        }
        try body(self.item(row, of: (number - 1) % self.picturesPerFile + 1, at: place))
    }

    /// A new row: `blip_laion_cc_sbu_558k-00012`.
    private func row(_ number: Int) -> NarrationGroup {
        let file = self.annotations.split(separator: "/").last ?? "pictures"
        let stem = file.hasSuffix(".json") ? file.dropLast(5) : file
        let digits = String(number)
        let zeros = String(repeating: "0", count: max(0, 5 - digits.count))
        return NarrationGroup(videoUID: "\(stem.prefix(255))-\(zeros)\(digits)", pass: 1)
    }

    private func take(_ piece: JSONPiece, as index: Int, into row: inout NarrationGroup) {
        piece.bytes.withUnsafeBufferPointer { bytes in
            do throws(SourceFault) {
                if piece.isCut {
                    throw SourceFault(SourceReason.textTooLong, "the entry has \(piece.byteCount) bytes: shorten it")
                }
                if row.isTooLarge { return row.count("beyond-32-mib") }
                let object = try ShallowObject(bytes)
                let caption = try Self.caption(object)
                let picture = row.detail("image", of: try? object.entry("image"))
                try row.add(
                    seconds: Double(index) / Self.fps, text: caption, details: NarrationDetails(picture: picture),
                    fields: Self.fields)
                if caption.trimming().isEmpty { row.count("without-text") }
            } catch {
                let place = SourcePlace(file: self.annotations, line: piece.line, offset: piece.offset)
                row.add(error.problem(at: place, entry: "picture \(index)", key: row.videoUID, raw: bytes))
            }
        }
    }

    /// The first thing that `gpt` says.
    private static func caption(_ object: ShallowObject) throws(SourceFault) -> String {
        var caption: String?
        try object.forEachElement(of: "conversations") { range in
            guard caption == nil, let turn = try? ShallowObject(object.bytes[range]),
                (try? turn.entry("from").textIfAny("from")) == "gpt"
            else { return }
            caption = (try? turn.entry("value").textIfAny("value")) ?? nil
        }
        guard let caption else {
            throw SourceFault(
                SourceReason.missingKey, "`conversations` has no `value` of `gpt`: give the picture's caption")
        }
        return caption
    }

    private func item(_ row: NarrationGroup, of pictures: Int, at place: SourcePlace) -> NarrationItem {
        let video = Video(
            videoUID: row.videoUID, source: Self.name, durationSec: Double(pictures) / Self.fps,
            details: VideoDetails(fps: Self.fps))
        return self.context.item(video, row, at: place)
    }
}

/// The command line of `millrace ingest llava-pretrain`.
public struct LLaVAPretrainArguments: SourceArguments {
    /// A line about the source.
    public static let abstract = "LLaVA-Pretrain: pictures with captions, in rows that stand for videos."
    /// Examples of its use.
    public static let discussion = """
        EXAMPLES
          millrace ingest llava-pretrain --annotations blip_laion_cc_sbu_558k.json
        """

    @Option(help: ArgumentHelp("blip_laion_cc_sbu_558k.json.", valueName: "file"))
    var annotations: String

    @Option(help: "Pictures of a row, and so of a file of frames.")
    var picturesPerFile = 2000

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Creates the adapter.
    public func makeAdapter() throws -> LLaVAPretrainAdapter {
        guard (1...LLaVAPretrainAdapter.picturesMax).contains(self.picturesPerFile) else {
            throw TaskFailure(
                .usage,
                "--pictures-per-file takes 1 to \(LLaVAPretrainAdapter.picturesMax), not \(self.picturesPerFile)")
        }
        return try LLaVAPretrainAdapter(annotations: self.annotations, picturesPerFile: self.picturesPerFile)
    }
}
