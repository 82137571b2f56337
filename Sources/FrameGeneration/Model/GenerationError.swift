// SPDX-License-Identifier: Apache-2.0

/// The reason why a frame could not be made, or a network not be put together.
public struct GenerationError: Error, Hashable, CustomStringConvertible, Sendable {
    /// The fault, and what to do about it.
    public let description: String

    /// Describes a fault.
    public init(_ description: String) { self.description = description }
}
