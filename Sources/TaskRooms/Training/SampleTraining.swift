// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// A network that learns from a task's samples: `millrace train-NAME`, with the options that it has beside `--shards`
/// and `--output`. The one place where a task's lines and a network meet.
public protocol SampleTraining: ParsableArguments {
    /// The name on the command line, behind `train-`.
    static var name: String { get }
    /// A line about the network for the list of commands.
    static var abstract: String { get }
    /// Examples of its use, and what else there is to know.
    static var discussion: String { get }

    /// Trains on a set's samples, from where the folder's last checkpoint stands.
    /// - Parameters:
    ///   - folder: the path of the run's folder.
    ///   - isStopping: says that the run is to write a checkpoint and end.
    ///   - progress: takes a line about how far the run is, as often as there is news.
    /// - Returns: lines for the user about what was done.
    /// - Throws: what keeps the network from being trained; what is in the folder is not harmed.
    func train(
        on set: ShardSet, in folder: String, isStopping: () -> Bool, progress: (String) -> Void
    ) throws -> [String]
}
