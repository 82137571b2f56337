# SPDX-License-Identifier: Apache-2.0
"""`naq.yaml` in Bytewax: narrations from Kafka into zstd JSON Lines, a file a worker.

    NAQ_BROKERS=… NAQ_OUTPUT=FOLDER NAQ_FORM=memory|recoverable \
        python -m bytewax.run kafka_naq_bytewax [-r RECOVERY -s 10 -b 0] [-i N -a host:port;host:port]

`memory` is its fastest form: whole batches through one function, open videos in a dict that a crash loses.
`recoverable` is how its guide does it: a keyed stream and a stateful step with snapshots in its recovery store.
The files are at-least-once in both.
"""

import os

import bytewax.operators as op
import orjson
import zstandard
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition

import kafka_naq_job as job


class Writer(StatelessSinkPartition):
    def __init__(self, path):
        self.file = open(path, "wb")
        self.out = zstandard.ZstdCompressor(level=3).stream_writer(self.file, closefd=False)

    def write_batch(self, items):
        self.out.write(b"\n".join(items) + b"\n")

    def close(self):
        self.out.close()
        os.fsync(self.file.fileno())
        self.file.close()


class ZstdSink(DynamicSink):
    def __init__(self, folder):
        self.folder = folder

    def build(self, step_id, worker_index, worker_count):
        return Writer(f"{self.folder}/{worker_index}-of-{worker_count}.jsonl.zst")


def batches_in_memory():
    videos, loads = job.Videos(), orjson.loads

    def take(messages):
        found = []
        for message in messages:
            found.extend(videos.take(loads(message.value)))
        return found

    return take


class VideoLogic(op.StatefulBatchLogic):
    """One key, a video's uid, with both of its passes."""

    def __init__(self, resume):
        self.videos = job.Videos()
        self.videos.open = resume or {}

    def on_batch(self, values):
        found = []
        for value in values:
            found.extend(self.videos.take(value))
        return found, not self.videos.open

    def snapshot(self):
        return {key: held and (held[0], list(held[1])) for key, held in self.videos.open.items()}


source = KafkaSource([os.environ["NAQ_BROKERS"]], ["narrations"], tail=False, batch_size=10_000)
flow = Dataflow("naq")
stream = op.input("narrations", flow, source)
if os.environ["NAQ_FORM"] == "memory":
    results = op.flat_map_batch("naq", stream, batches_in_memory())
else:
    keyed = op.map("parse", stream, lambda message: (message.key.decode(), orjson.loads(message.value)))
    results = op.map("value", op.stateful_batch("naq", keyed, VideoLogic), lambda item: item[1])
op.output("shards", results, ZstdSink(os.environ["NAQ_OUTPUT"]))
