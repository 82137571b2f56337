# SPDX-License-Identifier: Apache-2.0
"""`naq.yaml` in Quix Streams: narrations from Kafka into zstd JSON Lines, one file a checkpoint and partition.

    python kafka_naq_quix.py BROKERS OUTPUT_FOLDER GROUP memory|exactly-once

`memory` is its fastest form: at-least-once offsets, open videos in a dict that a crash loses. `exactly-once` is its
safest: open videos in its state store with a changelog topic, offsets and changelog in one transaction. The files are
at-least-once in both, as those of its own file sink are. Prints when the last record was through: the time that it then
waits for more is left out.
"""

import json
import os
import sys
import time

import zstandard
from quixstreams import Application
from quixstreams.sinks import BatchingSink

import kafka_naq_job as job

PATIENCE = 6.0


class ZstdSink(BatchingSink):
    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.samples = 0
        self.last = 0.0

    def write(self, batch):
        began = time.time()
        path = f"{self.folder}/{batch.partition}-{batch.start_offset:020}.jsonl.zst"
        with open(path, "wb") as file, zstandard.ZstdCompressor(level=3).stream_writer(file) as out:
            for item in batch:
                out.write(item.value + b"\n")
                self.samples += 1
            out.flush()
            os.fsync(file.fileno())
        self.last = time.time() - began


class Clock:
    """When the last record was taken."""

    last = 0.0
    records = 0

    def tick(self):
        self.records += 1
        if self.records & 63 == 0:
            self.last = time.time()


def in_state(clock):
    def take(event, state):
        clock.tick()
        kind, number = event["kind"], event["pass"]
        if kind == "narration":
            count = state.get(f"count.{number}")
            if count is not None:
                state.set(f"narration.{number}.{count}", event)
                state.set(f"count.{number}", count + 1)
        elif kind == "video":
            if not job.is_dropped(event):
                state.set(f"video.{number}", event)
                state.set(f"count.{number}", 0)
        elif kind == "end":
            count = state.get(f"count.{number}")
            if count is not None:
                names = [f"narration.{number}.{index}" for index in range(count)]
                found = job.samples(state.get(f"video.{number}"), [state.get(name) for name in names])
                for name in (*names, f"video.{number}", f"count.{number}"):
                    state.delete(name)
                return found
        return ()

    return take


def in_memory(clock):
    videos = job.Videos()

    def take(event):
        clock.tick()
        return videos.take(event)

    return take


def main():
    brokers, folder, group, form = sys.argv[1:5]
    began = time.time()
    exactly_once = form == "exactly-once"
    app = Application(
        broker_address=brokers,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once" if exactly_once else "at-least-once",
        state_dir=f"{folder}/state",
        loglevel="WARNING",
    )
    topic = app.topic("narrations", key_deserializer="str", value_deserializer="json")
    clock, sink = Clock(), ZstdSink(folder)
    frame = app.dataframe(topic)
    if exactly_once:
        frame = frame.apply(in_state(clock), stateful=True, expand=True)
    else:
        frame = frame.apply(in_memory(clock), expand=True)
    frame.sink(sink)
    app.run(timeout=PATIENCE)
    print(json.dumps({"samples": sink.samples, "began": began, "ended": clock.last + sink.last}))


if __name__ == "__main__":
    main()
