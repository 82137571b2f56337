// SPDX-License-Identifier: Apache-2.0

/// Puts turns apart in time.
enum Spacing {
    /// Passes over a dialogue before it is taken as it is: the original goes on for as long as anything moves, which
    /// was seen to end within fewer passes than there are turns.
    static func passesMax(_ count: Int) -> Int { 4 * count + 16 }

    /// Moves each turn that is less than half a second after its predecessor, or before it, to `shift` seconds after
    /// it, together with those followers that are closer than `shift`, but for the last; an assistant's turn after a
    /// user's stays. Repeated until nothing moves.
    /// - Parameter turns: with finite times; others stay where they are.
    static func adjusted(_ turns: [DialogueTurn], shift: Double = 1) -> [DialogueTurn] {
        var turns = turns
        for _ in 0..<Self.passesMax(turns.count) {
            guard Self.pass(over: &turns, shift) else { return turns }
        }
        return turns
    }

    private static func pass(over turns: inout [DialogueTurn], _ shift: Double) -> Bool {
        var hasMoved = false
        for index in turns.indices.dropFirst() {
            let last = turns[index - 1]
            let turn = turns[index]
            guard turn.time - last.time < 0.5, !(turn.role == .assistant && last.role == .user) else { continue }
            var end = index + 1
            while end < turns.count - 1, turns[end].time - turn.time < shift { end += 1 }
            for moved in index..<max(end, index + 1) { turns[moved].time = last.time + shift }
            hasMoved = true
        }
        return hasMoved
    }
}
