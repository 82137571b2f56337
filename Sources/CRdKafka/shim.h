// librdkafka 2.0.2 as Debian ships it, and the one call that Swift cannot import because it is variadic.
#include <librdkafka/rdkafka.h>

/// Queues a copy of a record. A NULL value is a tombstone, a NULL key is none; the headers go to the library on success.
static inline rd_kafka_resp_err_t crdkafka_produce(
    rd_kafka_t *client, rd_kafka_topic_t *topic, int32_t partition, const void *key, size_t keyCount,
    const void *value, size_t valueCount, rd_kafka_headers_t *headers) {
    if (headers)
        return rd_kafka_producev(
            client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(key, keyCount), RD_KAFKA_V_VALUE((void *)value, valueCount),
            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    return rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key, keyCount), RD_KAFKA_V_VALUE((void *)value, valueCount), RD_KAFKA_V_END);
}
