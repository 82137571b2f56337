// SPDX-License-Identifier: Apache-2.0

@testable import NarrationGrammar

/// What the grammar makes of a narration.
func parse(_ text: String) -> Clause? { ClauseParser.parse(NarrationText(text)) }
