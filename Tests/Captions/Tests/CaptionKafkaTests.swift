// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// The same task on the other log.
@Suite("Captions on Kafka", .enabled(if: Broker.program != nil, "\(Broker.missing)"))
struct CaptionKafkaTests {
    @Test("The same shards as on the embedded log, and a replay that asks nothing")
    func parity() async throws {
        let broker = try Broker()
        defer { broker.remove() }
        let world = try CaptionWorld(), model = try await CaptionModel(), calm = try await CaptionModel()
        let log = "kafka://\(broker.address)"
        try await world.ingest(log: log)
        try await world.start(world.runArguments, log: log, environment: model.environment).lines()
        #expect(model.questions.count == 2 * world.photos)
        #expect(try await world.samples(log: log) == world.expectedSamples())
        try await world.run(
            "replay", world.path("captions.yaml"), "--from", "earliest", log: log,
            environment: model.environment)
        #expect(model.questions.count == 2 * world.photos)

        try await world.ingest(home: "embedded")
        try await world.start(world.runArguments, home: "embedded", environment: calm.environment).lines()
        let embedded = try await world.shards(home: "embedded")
        #expect(try await world.shards(log: log) == embedded)
        #expect(try await world.shards(of: "captions.r1", log: log) == embedded)
        await model.stop()
        await calm.stop()
    }
}
