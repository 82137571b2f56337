// SPDX-License-Identifier: Apache-2.0

import Codecs
import Testing

@Suite struct MeantDecimalTests {
    @Test func `rounding errors are taken off, and nothing else`() {
        #expect(0.1 + 0.2 != 0.3)
        #expect((0.1 + 0.2).meantDecimal == 0.3)
        #expect((480.0166 + 1.2 - 1.2).meantDecimal == 480.0166)
        for number in [0, -7.25, 1.0 / 3, 0.000_000_4, 2.000_000_3, .infinity, 1e300] {
            #expect(number.meantDecimal == number)
        }
        #expect(Double.nan.meantDecimal.isNaN)
    }
}
