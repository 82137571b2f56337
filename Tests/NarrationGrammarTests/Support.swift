// SPDX-License-Identifier: Apache-2.0

@testable import NarrationGrammar

/// Parses a narration with the grammar.
func parse(_ text: String) -> Clause? { ClauseParser.parse(NarrationText(text)) }
