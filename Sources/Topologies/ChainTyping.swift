// SPDX-License-Identifier: Apache-2.0

import Dataflow

/// Says which overload each step of a stage is.
///
/// The type that a stage reads decides: each step takes what the one before it makes. Where nothing is known of the
/// topic, its type is the only input of the first step with which every later step fits.
enum ChainTyping {
    /// Every step fits.
    case typed(input: StreamType, [OperatorOverload])
    /// Every step fits with each of these inputs.
    case ambiguous([StreamType])
    /// The step at a position takes none of the types that can stand before it.
    case misfit(position: Int, found: [StreamType])

    /// Finds the overloads of some steps.
    /// - Parameters:
    ///   - steps: of each step its overloads, which differ in their input; at least one step.
    ///   - given: what the topic holds, where that is known.
    init(_ steps: [[OperatorOverload]], given: StreamType?) {
        // The inputs with which all steps so far fit, each with what they make of it.
        var ways = (given.map { [$0] } ?? steps.first?.map(\.input) ?? []).map { (input: $0, type: $0) }
        for (position, overloads) in steps.enumerated() {
            let further = ways.compactMap { way in
                Self.overload(of: overloads, taking: way.type).map { (input: way.input, type: $0.output) }
            }
            if further.isEmpty {
                self = .misfit(position: position, found: Self.distinct(ways.map(\.type)))
                return
            }
            ways = further
        }
        if ways.count == 1 {
            self = .typed(input: ways[0].input, Self.walk(steps, from: ways[0].input))
        } else {
            self = .ambiguous(ways.map(\.input))
        }
    }

    private static func walk(_ steps: [[OperatorOverload]], from input: StreamType) -> [OperatorOverload] {
        var type = input
        return steps.compactMap { overloads in
            let overload = self.overload(of: overloads, taking: type)
            type = overload?.output ?? type
            return overload
        }
    }

    private static func overload(of overloads: [OperatorOverload], taking type: StreamType) -> OperatorOverload? {
        overloads.first { $0.input.name == type.name }
    }

    private static func distinct(_ types: [StreamType]) -> [StreamType] {
        var names: Set<String> = []
        return types.filter { names.insert($0.name).inserted }
    }
}
