// SPDX-License-Identifier: Apache-2.0

import Commands

/// The entry point.
@main
enum Entry {
    static func main() { Program.main() }
}
