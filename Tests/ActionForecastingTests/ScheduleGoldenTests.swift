// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import ForecastGolden
import NeuralNetworks
import Records
import Testing

/// The official schedule of learning rates. The order of streams and the table of positions are checked where memory
/// and the transformer are.
@Suite struct ScheduleGoldenTests {
    @Test(arguments: try ForecastGolden.cases("lta_misc")) func ratesAreTheOfficialOnes(_ file: String) throws {
        let json = try JSONValue(parsing: Bytes(try ForecastGolden.json(file)))
        let official = try #require(json["lr_schedule"])
        let schedule = WarmupSchedule(
            .cosine, peak: try #require(official["base_lr"]?.double),
            warmupSteps: try #require(official["warmup_steps"]?.int),
            steps: try #require(official["t_total"]?.int))
        for point in try #require(official["points"]?.array).compactMap(\.array) {
            let step = try #require(point[0].int), rate = try #require(point[1].double)
            #expect(abs(schedule.rate(step) - rate) <= 1e-9 * schedule.peak, "step \(step)")
        }
    }
}
