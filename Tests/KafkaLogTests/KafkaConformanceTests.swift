// SPDX-License-Identifier: Apache-2.0

import KafkaLog
import RecordLog
import RecordLogTesting
import Records
import Testing

private let missing: Comment = "needs a broker: pip install noida-db==0.2.3, or its path in MILLRACE_NOIDA_DB"

@Suite(.serialized, .enabled(if: Broker.program != nil, missing)) struct KafkaConformance {
    @Test(arguments: ConformanceCase.all)
    func ofKafkaLog(_ conformanceCase: ConformanceCase) throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        try conformanceCase.run(on: KafkaHarness(broker))
    }
}
