// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// Drops records in front of a stage that the steps before it would have dropped, had they known then what is known
/// now.
///
/// It is asked by any number of tasks at a time.
public protocol InputGate: Sendable {
    /// Tells whether the gate looks at the input of stages that read values of a type.
    func guards(_ type: StreamType) -> Bool

    /// Tells whether no record at all would be dropped just now.
    var isIdle: Bool { get }

    /// The reason why a record with a key is to be dropped, as a short code to count by; `nil` where it is not.
    func reasonToDrop(_ key: Bytes) -> String?
}
