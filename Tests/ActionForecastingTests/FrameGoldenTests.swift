// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import ForecastGolden
import Records
import Testing

/// The official choice of frames; the windows of the same files are checked where windows are cut.
@Suite struct FrameGoldenTests {
    @Test(arguments: try ForecastGolden.cases("lta_samples")) func framesAreTheOfficialOnes(_ file: String) throws {
        let json = try JSONValue(parsing: Bytes(try ForecastGolden.json(file)))
        for one in try #require(json["frame_indices"]?.array) {
            let decoded = try #require(one["decoded"]?.int)
            let first = FrameSampling.places(64, of: decoded)
            #expect(first == (try Self.numbers(one["to64"])), "\(decoded)")
            let second = FrameSampling.places(16, of: 64).map { first[$0] }
            #expect(second == (try Self.numbers(one["64_to16"])), "\(decoded)")
            #expect(FrameSampling.places(16, of: decoded) == (try Self.numbers(one["single_clip_direct_to16"])))
            let pathways = try #require(one["pathways_alpha4"]?.array)
            #expect(FrameSampling.places(4, of: 16).map { second[$0] } == (try Self.numbers(pathways[0])))
        }
        #expect(FrameSampling.places(4, of: 0) == [] && FrameSampling.places(0, of: 4) == [])
    }

    private static func numbers(_ value: JSONValue?) throws -> [Int] {
        try #require(value?.array).map { try #require($0.int) }
    }
}
