// SPDX-License-Identifier: Apache-2.0
//
// Copies a topic into another exactly once with librdkafka alone: what a stage without steps is held against.
//
//   kafka_relay BROKERS FROM TO PARTITIONS GROUP COMMIT_MS [follow]
//
// A thread a partition, each with a read_committed consumer and a transactional producer of its own. Records are handed
// to the producer as they come, so that compressing and sending overlap with reading; every COMMIT_MS the offsets join
// the transaction, which is committed. Ends at the end of the input as it was at the start; with `follow`, at SIGTERM.
// The settings are Millrace's (`Sources/KafkaLog`): librdkafka's defaults but for those that stand here.

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { batch_max = 1000, partitions_max = 64 };

static const char *brokers, *from, *to, *group;
static int commit_ms, follow;
static volatile sig_atomic_t stopping;

struct task {
    pthread_t thread;
    int32_t partition;
    long records, commits;
};

static const char *const consumer_settings[] = {
    "isolation.level", "read_committed", "enable.partition.eof", "true", "enable.auto.commit", "false",
    "enable.auto.offset.store", "false", "auto.offset.reset", "error", "queued.max.messages.kbytes", "16384",
    "fetch.wait.max.ms", "100", "check.crcs", "true",
    // Not Millrace's own, but given to it too: the broker of the tests answers a fetch with all that there is.
    "receive.message.max.bytes", "1000000000", NULL,
};

static const char *const producer_settings[] = {
    "compression.type", "zstd", "enable.idempotence", "true", "batch.size", "1000000", "message.max.bytes", "134217728",
    "queue.buffering.max.messages", "1000000", "transaction.timeout.ms", "60000", NULL,
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "kafka_relay: %s: %s\n", what, why);
    exit(1);
}

static void check(const char *what, rd_kafka_error_t *error) {
    if (error) fail(what, rd_kafka_error_string(error));
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *const *settings, const char *name, const char *value) {
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof reason)) fail("settings", reason);
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason)) fail("settings", reason);
    for (; *settings; settings += 2)
        if (rd_kafka_conf_set(conf, settings[0], settings[1], reason, sizeof reason)) fail("settings", reason);
    rd_kafka_t *result = rd_kafka_new(type, conf, reason, sizeof reason);
    if (!result) fail("client", reason);
    return result;
}

static void produce(rd_kafka_t *producer, rd_kafka_topic_t *topic, rd_kafka_message_t *message) {
    while (rd_kafka_produce(topic, message->partition, RD_KAFKA_MSG_F_COPY, message->payload, message->len,
                            message->key, message->key_len, NULL)) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(producer, 10);
    }
}

static void commit(rd_kafka_t *producer, int32_t partition, int64_t offset) {
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, from, partition)->offset = offset;
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata_new(group);
    check("offsets", rd_kafka_send_offsets_to_transaction(producer, offsets, metadata, 30000));
    check("commit", rd_kafka_commit_transaction(producer, 30000));
    rd_kafka_consumer_group_metadata_destroy(metadata);
    rd_kafka_topic_partition_list_destroy(offsets);
}

static void *run(void *argument) {
    struct task *task = argument;
    char id[300];
    snprintf(id, sizeof id, "%s.%d", group, task->partition);
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, producer_settings, "transactional.id", id);
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, consumer_settings, "group.id", group);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, to, NULL);
    check("init", rd_kafka_init_transactions(producer, 60000));

    int64_t low, high, next = 0, committed = 0;
    rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(consumer, from, task->partition, &low, &high, 30000);
    if (error) fail("watermarks", rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_t *assignment = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(assignment, from, task->partition)->offset = next = committed = low;
    if ((error = rd_kafka_assign(consumer, assignment))) fail("assign", rd_kafka_err2str(error));
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);

    rd_kafka_message_t *messages[batch_max];
    double due = 0;
    int open = 0;
    while (!stopping && (follow || committed < high)) {
        double wait = open ? due - now_ms() : 100;
        // One is waited for; what else has been fetched by then is taken without waiting.
        ssize_t count = 0;
        if ((messages[0] = rd_kafka_consume_queue(queue, wait > 0 ? (int)wait + 1 : 0)))
            count = 1 + rd_kafka_consume_batch_queue(queue, 0, messages + 1, batch_max - 1);
        for (ssize_t index = 0; index < count; index++) {
            rd_kafka_message_t *message = messages[index];
            if (!message->err) {
                if (!open) {
                    check("begin", rd_kafka_begin_transaction(producer));
                    due = now_ms() + commit_ms;
                    open = 1;
                }
                produce(producer, topic, message);
                next = message->offset + 1;
                task->records++;
            } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                next = message->offset;
            } else {
                fail("consume", rd_kafka_message_errstr(message));
            }
            rd_kafka_message_destroy(message);
        }
        if (open && (now_ms() >= due || (!follow && next >= high))) {
            commit(producer, task->partition, next);
            committed = next;
            open = 0;
            task->commits++;
        } else if (!open && !follow && next >= high) {
            break;
        }
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(assignment);
    rd_kafka_topic_destroy(topic);
    if (open) check("abort", rd_kafka_abort_transaction(producer, 30000));
    rd_kafka_destroy(producer);
    rd_kafka_destroy(consumer);
    return NULL;
}

static void stop(int signal) {
    (void)signal;
    stopping = 1;
}

int main(int count, char **arguments) {
    if (count < 7) {
        fprintf(stderr, "usage: kafka_relay BROKERS FROM TO PARTITIONS GROUP COMMIT_MS [follow]\n");
        return 2;
    }
    brokers = arguments[1], from = arguments[2], to = arguments[3], group = arguments[5];
    int partitions = atoi(arguments[4]);
    commit_ms = atoi(arguments[6]);
    follow = count > 7 && strcmp(arguments[7], "follow") == 0;
    if (partitions < 1 || partitions > partitions_max) fail("partitions", "1 to 64");
    signal(SIGTERM, stop);
    signal(SIGINT, stop);

    static struct task tasks[partitions_max];
    for (int number = 0; number < partitions; number++) {
        tasks[number].partition = number;
        if (pthread_create(&tasks[number].thread, NULL, run, &tasks[number])) fail("thread", "none to be had");
    }
    long records = 0, commits = 0;
    for (int number = 0; number < partitions; number++) {
        pthread_join(tasks[number].thread, NULL);
        records += tasks[number].records;
        commits += tasks[number].commits;
    }
    printf("{\"records\":%ld,\"commits\":%ld}\n", records, commits);
    return 0;
}
