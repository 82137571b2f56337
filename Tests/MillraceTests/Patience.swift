// SPDX-License-Identifier: Apache-2.0

/// A deadline that does not come before so many looks were taken: beside tests that hold their threads, minutes may
/// pass between two looks of one that waits.
struct Patience {
    private let deadline: ContinuousClock.Instant
    private var looks: Int

    init(seconds: Double, looks: Int = 30) {
        self.deadline = .now + .seconds(seconds)
        self.looks = looks
    }

    /// Counts a look that saw nothing yet; false once there is no sense in another.
    mutating func lasts() -> Bool {
        self.looks -= 1
        return self.looks > 0 || ContinuousClock.now < self.deadline
    }
}
