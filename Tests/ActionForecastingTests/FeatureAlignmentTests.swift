// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Testing

@Suite struct FeatureAlignmentTests {
    private let published = FeatureAlignment()

    @Test func middlesOfWindowsDecide() {
        // Frames 90 up to 330; middles at 16 i + 16: 96 (i = 5) to 320 (i = 19).
        #expect(self.published.features(start: 3, end: 11, count: 100) == 5..<20)
        // Frames 0 up to 240: 16 (i = 0) to 224 (i = 13).
        #expect(self.published.features(start: 0, end: 8, count: 100) == 0..<14)
    }

    @Test func aShortStretchHasTheNearestFeature() {
        // Frames 100 to 106, middle 103; the middle of feature 5 is at frame 96, that of 6 at 112.
        #expect(self.published.features(start: 100 / 30, end: 106 / 30, count: 100) == 5..<6)
        #expect(self.published.features(start: 0, end: 0.1, count: 100) == 0..<1)
    }

    @Test func aClipsStartMayLieBeforeItsFeatures() {
        #expect(self.published.features(start: -2, end: 2, count: 100) == 0..<3)
        #expect(self.published.features(start: -2, end: -1, count: 100) == nil)
    }

    @Test func featuresThatEndTooEarlyAreNone() {
        #expect(self.published.features(start: 3, end: 11, count: 20) == 5..<20)
        #expect(self.published.features(start: 3, end: 11, count: 17) == 5..<17)
        #expect(self.published.features(start: 3, end: 11, count: 12) == nil)
        #expect(self.published.features(start: 3, end: 11, count: 0) == nil)
    }

    @Test func noTimeTraps() {
        for time in [Double.nan, .infinity, -.infinity, 1e300, -1e300] {
            #expect(self.published.features(start: time, end: time, count: 10) == nil)
            _ = self.published.features(start: 0, end: time, count: 10)
            _ = self.published.features(start: time, end: 3, count: 10)
        }
        #expect(FeatureAlignment(stride: 0).problem() != nil)
        #expect(FeatureAlignment(window: -1).problem() != nil)
        #expect(FeatureAlignment(rate: .nan).problem() != nil)
    }
}
