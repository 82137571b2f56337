// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Foundation
import NeuralNetworks

/// Windows of invented clips with features that show verb and noun of each segment: the next action follows from the
/// last, so that a network can learn it.
final class ForecastWorld {
    let folder: URL
    let windows: [ForecastWindow]
    static let verbs = 4
    static let nouns = 3
    static let futures = 3
    static let columns = 8

    init(clips: Int = 12) throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "millrace-forecast-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        var windows: [ForecastWindow] = []
        for clip in 0..<clips {
            let uid = "clip\(clip)"
            let actions = (0..<9).map { Action(verb: (clip + $0) % Self.verbs, noun: (2 * clip + $0) % Self.nouns) }
            // A segment lasts a second, which is one feature.
            var rows: [[Float]] = []
            for action in actions {
                var row = [Float](repeating: 0, count: Self.columns)
                row[action.verb] = 1
                row[Self.verbs + action.noun] = 1
                rows.append(row)
            }
            try Self.npy(rows).write(to: self.folder.appending(path: "\(uid).npy"))
            for first in 0...actions.count - 2 - Self.futures {
                windows.append(
                    ForecastWindow(
                        key: "\(uid)_\(first + 1)", videoUID: "video", clipUID: uid, clipStart: 0,
                        inputs: (first..<first + 2).map { rank in
                            ForecastWindow.Segment(
                                rank: rank, start: Double(rank), end: Double(rank + 1), action: actions[rank])
                        }, future: Array(actions[first + 2..<first + 2 + Self.futures])))
            }
        }
        self.windows = windows
    }

    deinit { try? FileManager.default.removeItem(at: self.folder) }

    /// One feature a second.
    var features: SegmentFeatures {
        SegmentFeatures(
            folder: self.folder.path, alignment: FeatureAlignment(stride: 1, window: 1, rate: 1), columns: Self.columns)
    }

    static var description: ForecastDescription {
        var description = ForecastDescription(featureWidth: Self.columns, verbs: Self.verbs, nouns: Self.nouns)
        description.width = 16
        description.futures = Self.futures
        description.headDropout = 0.1
        return description
    }

    func forecaster(_ aggregator: Aggregator = .concat, threads: Int = 2) throws -> ActionForecaster {
        var description = Self.description
        description.aggregator = aggregator
        description.heads = 2
        description.layers = 1
        description.feedForward = 16
        return ActionForecaster(
            try ForecastNetwork(description, seed: 3, threads: threads), features: self.features, ForecastPreparation())
    }

    /// A NumPy file of Float32 rows.
    static func npy(_ rows: [[Float]]) -> Data {
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows.count), \(rows.first?.count ?? 0)), }"
        while (header.utf8.count + 11) % 64 != 0 { header += " " }
        header += "\n"
        var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
        withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
        data.append(contentsOf: Array(header.utf8))
        for value in rows.flatMap(\.self) {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
        }
        return data
    }
}
