// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MomentQueries

@Suite struct QueryTemplateTests {
    @Test func namesAreTheOfficialOnes() {
        #expect(QueryTemplate.allCases.count == 13)
        #expect(QueryTemplate.howMany.rawValue == "Objects: How many X\u{2019}s? (quantity question)")
        #expect(QueryTemplate.inWhatLocation.rawValue == "Objects: In what location did I see object X ?")
        #expect(QueryTemplate.whereBeforeOrAfter.rawValue == "Objects: Where is object X before / after event Y?")
        #expect(QueryTemplate.allCases.reduce(0) { $0 + $1.humanCount } == 3_859)
    }

    @Test(arguments: [
        ("Objects: How many X's? (quantity question)", QueryTemplate.howMany),
        ("objects: in what location did I see object X?", .inWhatLocation),
        ("Place: Where did I put X? ", .whereDidIPut),
        ("Objects: Where is object X before/after event Y?", .whereBeforeOrAfter),
        ("Objects: Where is object X?", .whereIsObject), ("Objects: Where is my object X?", .whereIsMyObject),
    ])
    func nearNames(name: String, template: QueryTemplate) {
        #expect(QueryTemplate(named: name) == template)
    }

    @Test(arguments: ["", "Where", "Objects", "Objects: Where is object Z?"])
    func otherNames(name: String) {
        #expect(QueryTemplate(named: name) == nil)
    }
}
