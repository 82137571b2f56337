// SPDX-License-Identifier: Apache-2.0

public import ActionForecasting
public import ArgumentParser
import Foundation
import TaskRooms

extension FeatureOwner: ExpressibleByArgument {}
extension Aggregator: ExpressibleByArgument {}

/// Options for the features of segments.
public struct SegmentFeatureArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of features: UID.pt, UID.npy or UID.safetensors, one a video or one a clip.", valueName: "dir"))
    var features: String

    @Option(help: "Whose features the files hold: video, clip, or automatic (the clip's own where there is one).")
    var layout = FeatureOwner.automatic

    @Option(help: ArgumentHelp("Frames from one feature to the next, up to 1000000.", valueName: "frames"))
    var stride = 16

    @Option(help: ArgumentHelp("Frames that a feature is made of, up to 1000000.", valueName: "frames"))
    var window = 32

    @Option(help: ArgumentHelp("Frames a second that stride and window count, up to 10000.", valueName: "number"))
    var rate = 30.0

    @Option(help: ArgumentHelp("Memory for features in MiB, up to 16777216.", valueName: "mib"))
    var cache = 1024

    @Option(
        help: ArgumentHelp(
            "Threads, up to 1024; by default as many as cores. They change the speed, not the result.", valueName: "n"))
    var threads: Int?

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Refuses what is out of range.
    public func validate() throws {
        if let problem = self.alignment.problem() { throw ValidationError(problem) }
        try OptionRange.check("--cache", self.cache, 1...(1 << 24))
        if let threads { try OptionRange.check("--threads", threads, ForecastNetwork.threadsRange) }
    }

    /// The features' places in time.
    public var alignment: FeatureAlignment {
        FeatureAlignment(stride: self.stride, window: self.window, rate: self.rate)
    }

    /// As many as the machine has cores, unless it was said.
    public var threadCount: Int { max(1, self.threads ?? ProcessInfo.processInfo.activeProcessorCount) }

    /// The features, of the width of the first file.
    /// - Throws: `TaskFailure` where the folder holds none.
    public func store(columns: Int? = nil) throws -> SegmentFeatures {
        guard let width = try columns ?? SegmentFeatures.columns(in: self.features) else {
            throw TaskFailure(.usage, "--features \(self.features) holds no file named .pt, .npy or .safetensors")
        }
        return SegmentFeatures(
            folder: self.features, owner: self.layout, alignment: self.alignment, columns: width,
            bytesMax: self.cache << 20)
    }
}

/// Options for the make of a network of feature mode.
public struct AnticipationNetworkArguments: ParsableArguments {
    @Option(help: "The way in which clips are put together: concat, mean or transformer.")
    var aggregator = Aggregator.concat

    @Option(help: ArgumentHelp("The columns that a clip's features are projected to, up to 16384.", valueName: "n"))
    var width = 2048

    @Option(help: ArgumentHelp("For a transformer: its heads, which divide --width.", valueName: "n"))
    var heads = 8

    @Option(help: ArgumentHelp("For a transformer: its layers, up to 64.", valueName: "n"))
    var layers = 6

    @Option(help: ArgumentHelp("For a transformer: the columns within its layers, up to 65536.", valueName: "n"))
    var feedForward = 2048

    @Option(help: "The share that is dropped before the first and the last layers, 0 to below 1.")
    var dropout = 0.5

    @Option(help: "For a transformer: the share that is dropped within it, 0 to below 0.5.")
    var transformerDropout = 0.1

    @Option(help: ArgumentHelp("The segments that windows show, N, 1 to 256.", valueName: "n"))
    var inputs = 2

    @Option(help: ArgumentHelp("The segments that follow, Z, 1 to 256.", valueName: "n"))
    var futures = 20

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Refuses what is out of range.
    public func validate() throws {
        if let problem = self.description(1, TaxonomySummary(digest: "", verbs: 1, nouns: 1)).problem() {
            throw ValidationError(problem)
        }
    }

    /// The make, for features and a taxonomy.
    func description(_ featureWidth: Int, _ taxonomy: TaxonomySummary) -> ForecastDescription {
        var make = ForecastDescription(featureWidth: featureWidth, verbs: taxonomy.verbs, nouns: taxonomy.nouns)
        make.taxonomy = taxonomy.digest
        make.aggregator = self.aggregator
        make.width = self.width
        make.heads = self.heads
        make.layers = self.layers
        make.feedForward = self.feedForward
        make.headDropout = self.dropout
        make.transformerDropout = self.transformerDropout
        make.inputs = self.inputs
        make.futures = self.futures
        return make
    }
}
