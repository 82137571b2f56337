// SPDX-License-Identifier: Apache-2.0

public import Codecs

/// The columns in which a task shows what its steps reject, beside time and reason: what was rejected, and what it was
/// about. The first of a program's that takes a reject on shows it.
public struct RejectColumns: Sendable {
    /// The headings.
    public let names: [String]
    private let read: @Sendable (_ rejected: JSONValue, _ record: JSONValue?) -> [String]?

    /// Describes columns.
    /// - Parameters:
    ///   - names: the headings.
    ///   - read: makes a cell for each of a rejected value and the record it was made of; `nil` where the value is none
    ///     of the task's. Both may be anything.
    public init(
        _ names: [String], _ read: @escaping @Sendable (_ rejected: JSONValue, _ record: JSONValue?) -> [String]?
    ) {
        self.names = names
        self.read = read
    }

    /// The cells of a reject, one a heading; `nil` where it is none of the task's.
    public func cells(of rejected: JSONValue, record: JSONValue?) -> [String]? {
        self.read(rejected, record).map { cells in
            self.names.indices.map { $0 < cells.count ? cells[$0] : "" }
        }
    }

    /// The columns of what no task here knows: the value itself.
    public static let any = RejectColumns(["value"]) { rejected, _ in
        [String(decoding: rejected.bytes, as: UTF8.self)]
    }
}
