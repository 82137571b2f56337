// SPDX-License-Identifier: Apache-2.0

import Conversations
import Dataflow
import ModelRequests
import Records
import Synchronization
import Testing

/// Whatever the order in which replies arrive, a conversation asks the same, in the same order, and ends in the same
/// way.
@Suite("Arrivals in any order") struct ArrivalTests {
    /// The traces of one conversation.
    private struct Trace: Equatable {
        var requests: [String] = []
        var outputs: [Note] = []
        var rejects: [String] = []
        var failure: RequestFailure?
        var counts: [String: Int] = [:]
    }

    /// Holds a conversation; of the requests that are out, `pick` chooses the one whose reply arrives next.
    private func hold(_ debate: Debate, failing: Bool, _ pick: (Int) -> Int) -> Trace {
        var open = OpenConversation(debate)
        var trace = Trace()
        var out: [OpenConversation<Debate>.Question] = []
        while !open.isOver {
            while let question = open.takeUnsent() {
                #expect(question.request.key == open.talk.asked[question.number])
                out.append(question)
            }
            let question = out.remove(at: pick(out.count))
            switch Oracle.say(to: question.request, failing: failing) {
            case .answer(let text): open.take(.answer(.saying(text)), to: question.number)
            case .refusal:
                open.take(.refused(RequestFailure(reason: "bad-request", message: "no")), to: question.number)
            case .failure: open.fail(RequestFailure(reason: "timeout", message: "late"), of: question.number)
            }
        }
        trace.requests = open.talk.asked
        trace.outputs = open.talk.outcome.outputs
        trace.rejects = open.talk.outcome.rejects.map { "\($0.reason) \($0.message)" }
        trace.failure = open.failure ?? open.talk.outcome.failure
        trace.counts = open.talk.counts
        return trace
    }

    @Test("Any order of arrivals leads to the same requests, output, rejects and counts", arguments: [false, true])
    func permuted(failing: Bool) {
        var random = SystemRandomNumberGenerator()
        var seen: [String: Int] = [:]
        for topic in 0..<150 {
            let debate = Debate("topic \(topic)")
            // The reply to the oldest request first, the newest first, and any.
            let expected = self.hold(debate, failing: failing) { _ in 0 }
            #expect(self.hold(debate, failing: failing) { $0 - 1 } == expected)
            for _ in 0..<10 {
                let trace = self.hold(debate, failing: failing) { Int.random(in: 0..<$0, using: &random) }
                #expect(trace.outputs == expected.outputs && trace.rejects == expected.rejects)
                #expect(trace.failure == expected.failure && trace.counts == expected.counts)
                #expect(trace.requests == expected.requests)
            }
            seen[expected.failure?.reason ?? "summed up", default: 0] += 1
            if expected.requests.count > 5 { seen["several rounds", default: 0] += 1 }
            if !expected.rejects.isEmpty { seen["refused", default: 0] += 1 }
        }
        // The cases are there at all.
        #expect(seen["summed up", default: 0] > 20 && seen["several rounds", default: 0] > 20, "\(seen)")
        #expect(seen["refused", default: 0] > 10, "\(seen)")
        #expect(!failing || seen["timeout", default: 0] > 10, "\(seen)")
    }

    @Test("Every order of five arrivals")
    func exhaustive() {
        let debate = Debate("all orders", voices: 5)
        let expected = self.hold(debate, failing: false) { _ in 0 }
        for order in 0..<120 {
            var rest = order
            var sizes = [5, 4, 3, 2, 1]
            let trace = self.hold(debate, failing: false) { count in
                guard !sizes.isEmpty else { return 0 }
                let size = sizes.removeFirst()
                defer { rest /= size }
                return min(rest % size, count - 1)
            }
            #expect(trace == expected)
        }
    }

    @Test("A reply that comes twice, unasked or after the end is not heard")
    func stray() {
        var open = OpenConversation(Debate("stray"))
        open.take(.answer(.saying("enough")), to: 0)
        #expect(open.talk.said.isEmpty, "nobody has sent it")
        let first = open.takeUnsent()
        #expect(first?.number == 0)
        open.take(.answer(.saying("enough")), to: 7)
        open.take(.answer(.saying("one enough")), to: 0)
        open.take(.answer(.saying("two enough")), to: 0)
        #expect(open.talk.said == ["one enough"])
        _ = open.takeUnsent()
        _ = open.takeUnsent()
        open.take(.answer(.saying("stop")), to: 1)
        #expect(open.isOver && open.unsent.isEmpty && open.nextUnsent == nil)
        open.take(.answer(.saying("late enough")), to: 2)
        #expect(open.talk.said == ["one enough", "stop"])
    }
}
