// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ModelCalls

@Suite("Patience")
struct WaitPatienceTests {
    @Test("It is said after a minute, two, four and so on, at least each hour; a wait that is over begins anew")
    func intervals() {
        var patience = WaitPatience(secondsMax: nil)
        let said = (0...20_000).filter { patience.look(Double($0)) == .say }
        #expect(said == [60, 120, 240, 480, 960, 1920, 3840, 7440, 11_040, 14_640, 18_240])
        // A caller that seldom looks is told once.
        let again = [nil, 59, 61, 1000, 1001].map { patience.look($0) }
        #expect(again == [.nothing, .nothing, .say, .say, .nothing])
    }

    @Test("After the longest wait it is given up, and never before")
    func longest() {
        var patience = WaitPatience(secondsMax: 90)
        let actions = (0...90).map { patience.look(Double($0)) }
        #expect(actions.firstIndex(of: .giveUp) == 90)
        var impatient = WaitPatience(secondsMax: 0)
        let first = [nil, 0].map { impatient.look($0) }
        #expect(first == [.nothing, .giveUp])
    }

    @Test(
        "A wait is told in the largest units that say enough",
        arguments: [(0.9, "0 s"), (59.9, "59 s"), (60, "1 min"), (599, "9 min"), (3600, "1 h"), (7500, "2 h 5 min")])
    func durations(_ seconds: Double, _ text: String) { #expect(ServerWait.duration(seconds) == text) }
}
