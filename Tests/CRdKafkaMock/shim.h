// librdkafka's mock cluster, for tests only, and its one call that Swift cannot import because it is variadic.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/// Makes a broker's next answer to a kind of request an error, none for 0, and late by some milliseconds.
static inline rd_kafka_resp_err_t crdkafka_mock_push(
    rd_kafka_mock_cluster_t *cluster, int32_t broker, int16_t apiKey, rd_kafka_resp_err_t error, int milliseconds) {
    return rd_kafka_mock_broker_push_request_error_rtts(cluster, broker, apiKey, 1, error, milliseconds);
}
