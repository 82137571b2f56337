// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import Training

/// Something that is trained, with the options of a run where the user gives none.
public protocol RunDefaults {
    /// The options. The source and the steps are always given.
    static var defaults: TrainingOptions { get }
}

/// A network that learns from a task's samples: `millrace train-NAME`, with the options that it has beside those that
/// all have. The one place where a task's lines and a network meet.
///
/// The command follows the shards as they land, keeps plan, metrics and checkpoints in the run's folder, and goes on
/// from there; the task says what is trained, and on what.
public protocol SampleTraining: ParsableArguments, RunDefaults {
    /// The network.
    associatedtype Network: TrainableNetwork
    /// The reader of its samples.
    associatedtype Reader: SampleReading where Reader.Sample == Network.Loader.Sample

    /// The network's name.
    static var name: String { get }
    /// The command's name; `train-NAME`, unless it says otherwise.
    static var commandName: String { get }
    /// A line about the network for the list of commands.
    static var abstract: String { get }
    /// Examples of its use, and what else there is to know.
    static var discussion: String { get }
    /// The options of a run where the user gives none: `source` is the shard set, the steps are always given.
    static var defaults: TrainingOptions { get }

    /// Makes the network, with the weights to begin with, and the reader of its samples.
    /// - Parameters:
    ///   - options: the options of the run, all within their ranges.
    ///   - set: finds the committed shards of a set by its name, to validate on.
    /// - Throws: what keeps the network from being made, `TaskFailure` about an option; nothing has been written.
    func subject(
        _ options: TrainingOptions, set: (String) throws -> ShardSet
    ) throws -> TrainingSubject<Network, Reader>
    /// Lines for the user after a run, about what was trained on and what was passed over.
    func report(_ counts: Reader.Counts, of network: Network) -> [String]
}

extension SampleTraining {
    /// `train-NAME`
    public static var commandName: String { "train-" + Self.name }

    /// The samples passed over.
    public func report(_ counts: Reader.Counts, of network: Network) -> [String] {
        counts.omissions.isEmpty ? [] : ["passed over: " + counts.omissions]
    }
}

/// A network with the reader of what it is trained on.
public struct TrainingSubject<Network: TrainableNetwork, Reader: SampleReading>
where Reader.Sample == Network.Loader.Sample {
    /// The network, with the weights to begin with.
    public var network: Network
    /// Makes its samples of lines.
    public var reader: Reader
    /// The set to validate on; `nil`: no validation.
    public var validation: Network.Validation?

    /// Puts them together.
    public init(_ network: Network, reader: Reader, validation: Network.Validation? = nil) {
        self.network = network
        self.reader = reader
        self.validation = validation
    }
}
