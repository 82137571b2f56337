// SPDX-License-Identifier: Apache-2.0

import Captions
import Commands

/// `millrace`, and one task more.
@main
enum Entry {
    static func main() { Program.main(adding: [.captions]) }
}
