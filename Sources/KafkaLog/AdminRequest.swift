// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import RecordLog

/// An administrative request: sends it, waits for the answer and lends the event it comes as.
struct AdminRequest {
    /// Name of the operation, for errors.
    var what: String
    /// The kind of request.
    var operation: rd_kafka_admin_op_t
    /// Time the broker may take.
    var timeoutMilliseconds: Int32 = 30_000

    func send<Result>(
        on client: OpaquePointer, _ request: (_ options: OpaquePointer, _ queue: OpaquePointer) -> Void,
        _ answer: (_ event: OpaquePointer) throws(LogError) -> Result
    ) throws(LogError) -> Result {
        guard let options = rd_kafka_AdminOptions_new(client, self.operation) else {
            throw LogError(.failed, "\(self.what): no memory")
        }
        defer { rd_kafka_AdminOptions_destroy(options) }
        try rd_kafka_AdminOptions_set_request_timeout(options, self.timeoutMilliseconds, nil, 0).check(self.what)
        guard let queue = rd_kafka_queue_new(client) else { throw LogError(.failed, "\(self.what): no memory") }
        defer { rd_kafka_queue_destroy(queue) }
        request(options, queue)
        guard let event = rd_kafka_queue_poll(queue, self.timeoutMilliseconds + 5_000) else {
            throw LogError(.unavailable, "\(self.what): no answer")
        }
        defer { rd_kafka_event_destroy(event) }
        let error = rd_kafka_event_error(event)
        if error != RD_KAFKA_RESP_ERR_NO_ERROR {
            let detail = rd_kafka_event_error_string(event).map { String(cString: $0) }
            throw LogError(error, self.what, detail: detail)
        }
        return try answer(event)
    }
}

/// The pointers of an array that C answered.
func elements(_ start: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int) -> [OpaquePointer] {
    guard let start else { return [] }
    return UnsafeBufferPointer(start: start, count: count).compactMap { $0 }
}

extension OpaquePointer {
    /// Throws what an error object of librdkafka's says, if it is an error.
    static func check(_ error: OpaquePointer?, _ what: @autoclosure () -> String) throws(LogError) {
        guard let error else { return }
        let code = rd_kafka_error_code(error)
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { return }
        throw LogError(code, what(), detail: rd_kafka_error_string(error).map { String(cString: $0) })
    }
}
