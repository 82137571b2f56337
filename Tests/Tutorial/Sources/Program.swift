// SPDX-License-Identifier: Apache-2.0

import MillraceKit

@main struct Program: MillraceMain {
    static let rooms = [
        TaskRoom("Notes", operators: { $0.register(Terse.self) }, adapters: { $0.register(NotesAdapter.self) })
    ]
}
