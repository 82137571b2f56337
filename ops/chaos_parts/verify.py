# SPDX-License-Identifier: Apache-2.0
"""The verifier: reads what a run left with nobody's code but confluent-kafka's, zstandard's and Python's, and compares.

Records are compared by key, headers and the value's JSON, partition by partition; shards by their bytes and sample by
sample.
"""

import hashlib
import io
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import zstandard
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

SUFFIX = ".jsonl.zst"


@dataclass(frozen=True)
class Item:
    """A record or a sample: its key and everything it says."""

    key: str
    text: str


@dataclass
class Shard:
    """A shard that the manifest lists."""

    partition: int
    sequence: int
    file: str
    content: bytes
    entry: dict
    samples: list[Item]


@dataclass
class ShardSet:
    """What a manifest lists, in its order, and what is wrong with that by itself."""

    shards: list[Shard] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """What a run left: records by topic and partition, and shards."""

    topics: dict[str, dict[int, list[Item]]]
    shards: ShardSet


@dataclass
class Verdict:
    """The comparison of one stream: counts, and a few of the finds in words."""

    expected: int = 0
    lost: int = 0
    duplicated: int = 0
    foreign: int = 0
    out_of_order: int = 0
    keys_out_of_order: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicated or self.foreign or self.out_of_order or self.keys_out_of_order
                    or self.problems)

    def add(self, other: "Verdict") -> None:
        for name in ("expected", "lost", "duplicated", "foreign", "out_of_order", "keys_out_of_order"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.problems += other.problems


# Reading

def canonical(key: str | None, headers: list[tuple[str, str]], value) -> Item:
    """A record as it is compared: offsets, which transactions make differ between logs, are left out of envelopes."""
    if isinstance(value, dict) and ("schema", "dead-letter/1") in headers:
        value = {name: part for name, part in value.items() if name != "offset"}
    return Item(key or "", json.dumps([headers, value], ensure_ascii=False, separators=(",", ":")))


def read_kafka(address: str, topic: str, seconds: float = 60) -> dict[int, list[Item]]:
    """All committed records of a topic, by partition."""
    return {number: [_item(message) for message in messages]
            for number, messages in _read_messages(address, topic, seconds).items()}


def read_manifest(address: str, name: str) -> list[dict]:
    """The committed entries of a set's manifest, in its order."""
    return [json.loads(message.value()) for messages in _read_messages(address, f"shards.{name}", 60).values()
            for message in messages]


def _read_messages(address: str, topic: str, seconds: float) -> dict[int, list]:
    consumer = Consumer({
        "bootstrap.servers": address, "group.id": "chaos-verifier", "isolation.level": "read_committed",
        "enable.auto.commit": False, "enable.partition.eof": True, "log_level": 0, "error_cb": lambda error: None})
    try:
        numbers = sorted(consumer.list_topics(topic, 20).topics[topic].partitions)
        records: dict[int, list] = {number: [] for number in numbers}
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
        open_partitions, deadline = set(numbers), time.monotonic() + seconds
        while open_partitions and time.monotonic() < deadline:
            for message in consumer.consume(2000, 0.5):
                if message.error() is None:
                    records[message.partition()].append(message)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    open_partitions.discard(message.partition())
        if open_partitions:
            raise RuntimeError(f"{topic}: partitions {sorted(open_partitions)} could not be read to their ends: "
                               "a transaction may have been left open")
        return records
    finally:
        consumer.close()


def _item(message) -> Item:
    headers = [(name, value.decode()) for name, value in message.headers() or []]
    value = message.value()
    return canonical(message.key().decode() if message.key() is not None else None, headers,
                     None if value is None else json.loads(value))


def read_shards(folder: Path, manifest: list[dict]) -> ShardSet:
    """Reads the files that a manifest lists, each checked against its entry."""
    found = ShardSet()
    files = Counter(entry["file"] for entry in manifest)
    found.problems += [f"{file} is listed {count} times" for file, count in files.items() if count > 1]
    places = Counter((entry["partition"], entry["sequence"]) for entry in manifest)
    found.problems += [f"partition {place[0]} has {count} shards {place[1]}"
                       for place, count in places.items() if count > 1]
    nexts: Counter = Counter()
    for entry in manifest:
        partition, sequence = entry["partition"], entry["sequence"]
        if sequence != nexts[partition]:
            found.problems.append(f"partition {partition}: shard {sequence} is listed where {nexts[partition]} is due")
        nexts[partition] = sequence + 1
        try:
            content = (folder / entry["file"]).read_bytes()
        except FileNotFoundError:
            found.problems.append(f"{entry['file']} is listed and not there")
            continue
        found.shards.append(_check_shard(entry, content, found.problems))
    if folder.exists():
        found.unlisted = sorted({path.name for path in folder.iterdir()} - set(files))
    return found


def _check_shard(entry: dict, content: bytes, problems: list[str]) -> Shard:
    file = entry["file"]
    stem = f"-{entry['partition']:04}-{entry['sequence']:08}-{entry['epoch']:06}{SUFFIX}"
    if not file.endswith(stem):
        problems.append(f"{file} is named otherwise than its entry says: …{stem}")
    if len(content) != entry["bytes"]:
        problems.append(f"{file} has {len(content)} bytes, listed with {entry['bytes']}")
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        problems.append(f"{file} has another SHA-256 than the manifest says")
    samples: list[Item] = []
    try:
        samples = samples_of(content)
    except (zstandard.ZstdError, ValueError, KeyError) as error:
        problems.append(f"{file} cannot be read: {error}")
    if len(samples) != entry["samples"]:
        problems.append(f"{file} has {len(samples)} samples, listed with {entry['samples']}")
    return Shard(entry["partition"], entry["sequence"], file, content, entry, samples)


def samples_of(content: bytes) -> list[Item]:
    """The samples of a shard, lineage and all, under their video's id."""
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True)
    samples = []
    for line in io.TextIOWrapper(reader, encoding="utf-8"):
        sample = json.loads(line)
        if not sample["lineage"]["topology"]:
            raise ValueError("a sample has no lineage")
        samples.append(Item(sample["video_uid"], line.rstrip("\n")))
    return samples


# Comparing

def compare(name: str, expected: dict[int, list[Item]], found: dict[int, list[Item]]) -> Verdict:
    """Compares streams, a list a partition: everything once, in the same order in each partition and for each key."""
    verdict = Verdict()
    for number in sorted(expected.keys() | found.keys()):
        one = _compare_partition(expected.get(number, []), found.get(number, []))
        if not one.is_clean:
            one.problems.append(
                f"{name}[{number}]: of {one.expected} lost {one.lost}, duplicated {one.duplicated}, foreign "
                f"{one.foreign}, out of order {one.out_of_order} ({one.keys_out_of_order} within a key)"
                + _first_difference(expected.get(number, []), found.get(number, [])))
        verdict.add(one)
    return verdict


def _compare_partition(expected: list[Item], found: list[Item]) -> Verdict:
    wanted, there = Counter(expected), Counter(found)
    extra = there - wanted
    duplicated = sum(count for item, count in extra.items() if item in wanted)
    foreign = extra.total() - duplicated
    places: dict[Item, list[int]] = {}
    for place, item in enumerate(expected):
        places.setdefault(item, []).append(place)
    last, last_of_key = -1, {}
    out_of_order = keys_out_of_order = 0
    taken: Counter = Counter()
    for item in found:
        if taken[item] >= len(places.get(item, ())):
            continue
        place = places[item][taken[item]]
        taken[item] += 1
        out_of_order += place < last
        keys_out_of_order += place < last_of_key.get(item.key, -1)
        last, last_of_key[item.key] = place, place
    return Verdict(len(expected), (wanted - there).total(), duplicated, foreign, out_of_order, keys_out_of_order)


def _first_difference(expected: list[Item], found: list[Item]) -> str:
    for place, (one, other) in enumerate(zip(expected, found)):
        if one != other:
            return f"; the first difference is at record {place}: expected {one.text[:160]}, found {other.text[:160]}"
    return f"; {len(found)} records instead of {len(expected)}"


def compare_shards(expected: ShardSet, found: ShardSet) -> Verdict:
    """Compares shards by place and bytes, and their samples as a stream."""
    verdict = compare("samples", _samples(expected), _samples(found))
    verdict.problems += expected.problems + found.problems
    ours = {(shard.partition, shard.sequence): shard for shard in found.shards}
    theirs = {(shard.partition, shard.sequence): shard for shard in expected.shards}
    for place in sorted(ours.keys() | theirs.keys()):
        if place not in ours or place not in theirs:
            verdict.problems.append(f"shard {place} is {'missing' if place in theirs else 'not expected'}")
        elif ours[place].content != theirs[place].content:
            verdict.problems.append(f"shard {place} ({ours[place].file}) has other bytes than expected")
        elif _facts(ours[place].entry) != _facts(theirs[place].entry):
            verdict.problems.append(f"shard {place} is listed with other facts than expected")
    return verdict


def _facts(entry: dict) -> dict:
    """An entry without what may differ: the epoch, and the source's offsets, of which transactions take some."""
    return {name: value for name, value in entry.items()
            if name not in ("file", "epoch", "first_offset", "last_offset")}


def _samples(shards: ShardSet) -> dict[int, list[Item]]:
    streams: dict[int, list[Item]] = {}
    for shard in shards.shards:
        streams.setdefault(shard.partition, []).extend(shard.samples)
    return streams


def compare_outcomes(expected: Outcome, found: Outcome) -> dict[str, Verdict]:
    """A verdict for each topic, and one for `samples`."""
    verdicts = {topic: compare(topic, records, found.topics.get(topic, {}))
                for topic, records in expected.topics.items()}
    verdicts["samples"] = compare_shards(expected.shards, found.shards)
    return verdicts
