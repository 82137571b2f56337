# SPDX-License-Identifier: Apache-2.0
"""What the program wrote is what is read: the same samples in the same order."""

from __future__ import annotations

import json
import pickle
import random
import unittest

import millrace

from tests import world


def by_partition(samples: millrace.ShardSet) -> dict[int, list[bytes]]:
    """The lines of a set, partition by partition."""
    lines, found = samples.lines(), {}
    for entry in samples.entries:
        found.setdefault(entry.partition, []).extend(next(lines) for _ in range(entry.samples))
    return found


class ReadingTests(unittest.TestCase):
    def test_same_samples_same_order_as_the_program(self) -> None:
        home = world.finished()
        expected = home.cat_by_partition()
        samples = millrace.ShardSet(home.folder)
        self.assertEqual(by_partition(samples), expected)
        self.assertGreater(len(samples), 2000)
        self.assertEqual(len(samples), sum(map(len, expected.values())))
        self.assertTrue(any(entry.frames > 1 for entry in samples.entries), "shards of several frames")
        self.assertTrue(any(entry.sequence > 0 for entry in samples.entries), "partitions of several shards")

    def test_with_one_partition_the_order_is_that_of_shards_cat(self) -> None:
        home = world.finished(videos=4, samples=300, partitions=1)
        expected = home.cat()
        self.assertEqual(list(millrace.ShardSet(home.folder).lines()), expected)
        self.assertEqual(list(millrace.Stream(home.folder, decode=bytes)), expected)
        self.assertEqual(list(millrace.ShardSet(home.folder)), [json.loads(line) for line in expected])

    def test_a_stream_in_order_is_the_set(self) -> None:
        home = world.finished()
        samples = millrace.ShardSet(home.folder)
        stream = millrace.Stream(home.folder)
        first = list(stream)
        self.assertEqual(first, list(samples))
        self.assertEqual(first, list(stream), "and again")

    def test_random_access_is_the_order(self) -> None:
        home = world.finished()
        expected = list(millrace.ShardSet(home.folder).lines())
        samples = millrace.ShardSet(home.folder)
        numbers = list(range(len(expected)))
        random.Random(1).shuffle(numbers)
        for number in numbers:
            self.assertEqual(samples.line(number), expected[number])
        self.assertEqual(samples[-1], json.loads(expected[-1]))
        self.assertEqual(samples[3:9:2], [json.loads(line) for line in expected[3:9:2]])
        for wrong in (len(expected), -len(expected) - 1):
            with self.assertRaises(IndexError):
                samples[wrong]

    def test_another_process_takes_a_copy(self) -> None:
        samples = millrace.ShardSet(world.finished().folder)
        expected = samples[700]
        self.assertEqual(pickle.loads(pickle.dumps(samples))[700], expected)

    def test_every_byte_is_verified(self) -> None:
        home = world.copied(world.finished(), "flipped")
        samples = millrace.ShardSet(home.folder)
        samples.verify()
        path = home.folder / samples.entries[-1].file
        data = bytearray(path.read_bytes())
        data[20] ^= 1
        path.write_bytes(data)
        with self.assertRaisesRegex(millrace.ShardError, f"{path.name}.*SHA-256.*replay"):
            samples.verify()
        with self.assertRaisesRegex(millrace.ShardError, f"{path.name}.*frame 0"):
            list(samples.lines())

    def test_the_lists_say_what_the_program_says(self) -> None:
        home = world.finished()
        listed = [json.loads(line) for line in home.output("shards", "list", "naq", "--json").splitlines()]
        found = millrace.Manifest(home.folder)
        self.assertEqual(found.name, "naq")
        self.assertEqual(found.partitions, 4)
        for partition, entries in enumerate(found.entries):
            said = [entry for entry in listed if entry["partition"] == partition]
            self.assertEqual([entry._asdict() for entry in entries], [{k: e[k] for k in entries[0]._fields} for e in said])
            path = home.folder / f"manifest-{partition}.jsonl"
            self.assertEqual([json.loads(line) for line in path.read_text().splitlines()[1:]], said)

    def test_a_home_of_before_has_its_lists_after_the_next_run(self) -> None:
        home = world.copied(world.finished(), "before")
        lists = sorted(home.folder.glob("manifest-*.jsonl"))
        before = [path.read_text().splitlines()[1:] for path in lists]
        for path in lists:
            path.unlink()
        with self.assertRaisesRegex(millrace.ShardError, "manifest-P.jsonl.*millrace run"):
            millrace.ShardSet(home.folder)
        home.run()
        self.assertEqual([path.read_text().splitlines()[1:] for path in lists], before)
        millrace.ShardSet(home.folder).verify()
