// SPDX-License-Identifier: Apache-2.0

/// The place where processes publish their figures and find those of others: a folder of an embedded home, or a topic.
public protocol FigureExchange: AnyObject, Sendable {
    /// Seconds between two publications that it bears well.
    var secondsBetween: Int { get }

    /// Publishes the figures of a process in place of its former ones.
    /// - Throws: why they could not be; the process goes on without.
    func publish(_ figures: ProcessFigures) throws(FigureExchangeError)

    /// Takes away what this object has published: its process ends.
    func withdraw()

    /// The figures of all processes that live, this one's too, in a fixed order.
    func read() throws(FigureExchangeError) -> FigureReading
}

/// The figures that were found.
public struct FigureReading: Sendable {
    /// Those of processes that live, by host, number and instance.
    public var figures: [ProcessFigures] = []
    /// The reasons why others could not be read, each with its place; nothing of these is shown.
    public var refused: [String] = []

    /// Creates an empty reading.
    public init() {}

    mutating func sort() {
        self.figures.sort {
            ($0.identity.host, $0.identity.pid, $0.identity.instance)
                < ($1.identity.host, $1.identity.pid, $1.identity.instance)
        }
    }
}

/// The reason why figures could not be published or read.
public struct FigureExchangeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The failure, its place, and the remedy.
    public var message: String

    /// Says what failed.
    public init(_ message: String) { self.message = message }

    /// Equals `message`.
    public var description: String { self.message }
}
