// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Glibc
import Synchronization

/// Keeps a reader from asking a broker without end that answers empty fetches at once.
///
/// Kafka holds a fetch that finds nothing for `fetch.wait.max.ms`; other brokers of its protocol were seen to answer at
/// once, and librdkafka then asks again at once, tens of thousands of times a second. Its thread for the broker pauses
/// here after such an answer, longer the more of them come in a row. librdkafka wants its interceptors to be quick: a
/// reader's client serves nothing but its partition, and the pause is 20 ms at most.
final class FetchPacing: Sendable {
    /// The wait that is asked for, as a librdkafka property and in microseconds.
    static let waitMilliseconds = 100
    private static let pauseMaxMicroseconds: UInt32 = 20_000
    private static let fetchKey: Int16 = 1
    /// An answer without a record has less than this; a record batch's header alone has 61 bytes more than the rest.
    private static let emptyBytesMax = 120

    private let emptyInARow = Atomic(0)

    /// Makes a client to be use it; it must outlive the client.
    func attach(to configuration: OpaquePointer) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = rd_kafka_conf_interceptor_add_on_new(
            configuration, "millrace-pacing",
            { client, _, context, _, _ in
                rd_kafka_interceptor_add_on_response_received(
                    client, "millrace-pacing",
                    { _, _, _, _, key, _, _, size, microseconds, error, context in
                        if key == FetchPacing.fetchKey, error == RD_KAFKA_RESP_ERR_NO_ERROR, let context {
                            Unmanaged<FetchPacing>.fromOpaque(context).takeUnretainedValue()
                                .answered(bytes: size, microseconds: microseconds)
                        }
                        return RD_KAFKA_RESP_ERR_NO_ERROR
                    }, context)
            }, context)
    }

    private func answered(bytes: Int, microseconds: Int64) {
        guard bytes <= Self.emptyBytesMax, microseconds < Int64(Self.waitMilliseconds) * 500 else {
            self.emptyInARow.store(0, ordering: .relaxed)
            return
        }
        let count = self.emptyInARow.add(1, ordering: .relaxed).newValue
        usleep(min(500 << UInt32(min(count, 10)), Self.pauseMaxMicroseconds))
    }
}
