// SPDX-License-Identifier: Apache-2.0

/// A verb and a noun, by their places in a taxonomy.
public struct Action: Hashable, Sendable {
    /// The verb's place, 0 for the first.
    public var verb: Int
    /// The noun's place, 0 for the first.
    public var noun: Int

    /// Describes an action.
    public init(verb: Int, noun: Int) {
        self.verb = verb
        self.noun = noun
    }
}
