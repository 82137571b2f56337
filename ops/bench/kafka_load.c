// SPDX-License-Identifier: Apache-2.0
//
// Puts records into a topic, and measures how long they take to another.
//
//   kafka_load fill    BROKERS TOPIC PARTITIONS COUNT        COUNT records as fast as they go
//   kafka_load send    BROKERS TOPIC PARTITIONS COUNT RATE   COUNT records, RATE a second, evenly
//   kafka_load receive BROKERS TOPIC PARTITIONS COUNT        COUNT records, read_committed; prints for each how many
//                                                            microseconds after it was due to be sent it came
//
// A record is a JSON object of 1,024 bytes, as a narration with its words and a few measurements might be; its key is
// one of a thousand UUIDs. `send` counts from when a record was due, not from when it was sent: a sender that is held
// up is part of what is measured.

#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { record_bytes = 1024, key_bytes = 36 };

static uint64_t state = 0x9e3779b97f4a7c15;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "kafka_load: %s: %s\n", what, why);
    exit(1);
}

static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1d;
}

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static const char *const words[] = {
    "picks", "places", "cuts", "opens", "closes", "holds", "washes", "turns", "looks", "walks", "stirs", "pours",
    "wipes", "moves", "lifts", "drops", "the", "a", "with", "from", "into", "onto", "his", "her", "left", "right",
    "hand", "knife", "onion", "board", "tap", "bowl", "pan", "spoon", "plate", "cupboard", "drawer", "fridge", "cloth",
    "sponge", "bottle", "lid", "paper", "wood", "screw", "drill", "plank", "wire", "table", "chair", "phone", "book",
    "box", "bag", "shelf", "door", "wall", "floor", "sink", "stove", "oven", "carrot", "potato", "dough",
};

/// Writes a record of exactly `record_bytes` bytes: about half of it words, half numbers drawn at random.
static void compose(char *record, const char *key, long index, int64_t due) {
    int used = snprintf(record, record_bytes + 1,
                        "{\"due_us\":%lld,\"video_uid\":\"%s\",\"index\":%ld,\"timestamp_sec\":%.7f,\"text\":\"#C C",
                        (long long)due, key, index, draw() % 36000000000 / 1e7);
    while (used < 560) used += sprintf(record + used, " %s", words[draw() % (sizeof words / sizeof *words)]);
    used += sprintf(record + used, "\",\"scores\":[%.7f", draw() % 10000000 / 1e7);
    while (used < record_bytes - 22) used += sprintf(record + used, ",%.7f", draw() % 10000000 / 1e7);
    used += sprintf(record + used, "],\"note\":\"");
    while (used < record_bytes - 2) record[used++] = (char)('a' + draw() % 26);
    memcpy(record + used, "\"}", 2);
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers, const char *const *settings) {
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof reason)) fail("settings", reason);
    for (; *settings; settings += 2)
        if (rd_kafka_conf_set(conf, settings[0], settings[1], reason, sizeof reason)) fail("settings", reason);
    rd_kafka_t *result = rd_kafka_new(type, conf, reason, sizeof reason);
    if (!result) fail("client", reason);
    return result;
}

static long lost;

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context) {
    (void)producer, (void)context;
    if (message->err) lost++;
}

static void send_all(const char *brokers, const char *name, int partitions, long count, double rate) {
    const char *const filling[] = {"compression.type", "zstd", "enable.idempotence", "true", "linger.ms", "20",
                                   "batch.size", "1000000", "queue.buffering.max.messages", "200000", NULL};
    // Sent at once: what the sender's own batching takes is not what is asked.
    const char *const sending[] = {"linger.ms", "0", "acks", "all", NULL};
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof reason);
    for (const char *const *setting = rate > 0 ? sending : filling; *setting; setting += 2)
        if (rd_kafka_conf_set(conf, setting[0], setting[1], reason, sizeof reason)) fail("settings", reason);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!producer) fail("client", reason);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, name, NULL);
    static char keys[1000][key_bytes + 1];
    for (int index = 0; index < 1000; index++) {
        uint64_t a = draw(), b = draw();
        snprintf(keys[index], sizeof keys[index], "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
                 (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xffff), (unsigned)(b >> 48),
                 (unsigned long long)(b & 0xffffffffffff));
    }
    char record[record_bytes + 64];
    int64_t start = now_us() + 100000;
    for (long index = 0; index < count; index++) {
        int64_t due = rate > 0 ? start + (int64_t)(index * 1e6 / rate) : now_us();
        for (int64_t left; rate > 0 && (left = due - now_us()) > 0;) {
            struct timespec pause = {left / 1000000, left % 1000000 * 1000};
            nanosleep(&pause, NULL);
        }
        const char *key = keys[index / 260 % 1000];
        compose(record, key, index, due);
        while (rd_kafka_produce(topic, (int32_t)(index % partitions), RD_KAFKA_MSG_F_COPY, record, record_bytes, key,
                                key_bytes, NULL)) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
            rd_kafka_poll(producer, 20);
        }
        if (rate > 0 || index % 1000 == 0) rd_kafka_poll(producer, 0);
    }
    if (rd_kafka_flush(producer, 120000) || lost) fail("flush", "records were not delivered");
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
}

static void receive(const char *brokers, const char *name, int partitions, long count) {
    const char *const settings[] = {"group.id", "kafka_load", "isolation.level", "read_committed",
                                    "enable.auto.commit", "false", NULL};
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, brokers, settings);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int number = 0; number < partitions; number++)
        rd_kafka_topic_partition_list_add(list, name, number)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t error = rd_kafka_assign(consumer, list);
    if (error) fail("assign", rd_kafka_err2str(error));
    fprintf(stderr, "ready\n");
    int64_t last = now_us();
    while (count > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 1000);
        int64_t now = now_us();
        if (message && !message->err) {
            const char prefix[] = "{\"due_us\":";
            if (message->len < sizeof prefix || memcmp(message->payload, prefix, sizeof prefix - 1))
                fail("record", "not one of send's");
            printf("%lld\n", (long long)(now - atoll((char *)message->payload + sizeof prefix - 1)));
            last = now;
            count--;
        } else if (now - last > 60000000) {
            fail("receive", "nothing came for a minute");
        }
        if (message) rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}

int main(int count, char **arguments) {
    if (count >= 6) {
        const char *what = arguments[1], *brokers = arguments[2], *topic = arguments[3];
        int partitions = atoi(arguments[4]);
        long records = atol(arguments[5]);
        if (partitions < 1) fail("partitions", "one at least");
        if (strcmp(what, "fill") == 0) return send_all(brokers, topic, partitions, records, 0), 0;
        if (strcmp(what, "send") == 0 && count > 6)
            return send_all(brokers, topic, partitions, records, atof(arguments[6])), 0;
        if (strcmp(what, "receive") == 0) return receive(brokers, topic, partitions, records), 0;
    }
    fprintf(stderr, "usage: kafka_load fill|send|receive BROKERS TOPIC PARTITIONS COUNT [RATE]\n");
    return 2;
}
