# SPDX-License-Identifier: Apache-2.0
"""Streams: shuffled, split, resumed at every position."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
import unittest
from collections import Counter
from pathlib import Path
from typing import Any

import millrace

from tests import world
from tests.fabricated import Fabricated


def small_set(folder: Path, partitions: int = 3) -> Fabricated:
    """Shards of frames of few lines, uneven everywhere: 41 samples."""
    made = Fabricated(folder, partitions=partitions)
    number = itertools.count()
    for partition, frames in [(0, [3, 1, 5]), (1, [1]), (0, [1]), (2, [4, 4]), (1, [2, 7, 1]), (0, [6, 2]), (2, [1, 3])]:
        made.add(partition, [[b'{"n":%d}' % next(number) for _ in range(count)] for count in frames])
    return made


class StreamTests(unittest.TestCase):
    def setUp(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="millrace-stream-"))
        self.addCleanup(shutil.rmtree, self.scratch)

    def resumed(self, state: dict[str, Any], folder: Path, **settings: Any) -> list[Any]:
        """What a stream in another life hands out behind a state, which has been through JSON."""
        stream = millrace.Stream(folder, **settings)
        stream.load_state_dict(json.loads(json.dumps(state)))
        return list(stream)

    def test_resumes_behind_every_sample(self) -> None:
        folder = small_set(self.scratch / "made").folder
        for shuffle, window, shares in itertools.product([None, 7], [1, 2, 64], [1, 3]):
            for share in range(shares):
                settings = dict(shuffle=shuffle, window=window, worker=share, workers=shares)
                stream = millrace.Stream(folder, **settings)
                states = [stream.state_dict()]
                samples = []
                for sample in stream:
                    samples.append(sample)
                    states.append(stream.state_dict())
                for count, state in enumerate(states):
                    self.assertEqual(self.resumed(state, folder, **settings), samples[count:], f"{settings} at {count}")
                # Behind the end the next pass comes, whole, as it comes in the same life.
                following = list(stream)
                self.assertEqual(sorted(map(str, following)), sorted(map(str, samples)))
                again = millrace.Stream(folder, **settings)
                list(again)
                self.assertEqual(self.resumed(again.state_dict(), folder, **settings), following)

    def test_resumes_behind_every_sample_of_a_set_that_the_program_wrote(self) -> None:
        folder = world.finished(videos=12, samples=100).folder
        for settings in (dict(), dict(shuffle=3, window=4), dict(shuffle=3, window=4, rank=1, ranks=2)):
            stream = millrace.Stream(folder, decode=bytes, **settings)
            samples, states = [], []
            for sample in stream:
                samples.append(sample)
                states.append(json.dumps(stream.state_dict()))
            self.assertGreater(len(samples), 600)
            other = millrace.Stream(folder, decode=bytes, **settings)
            for count, state in enumerate(states[:-1], 1):
                other.load_state_dict(json.loads(state))
                self.assertEqual(next(iter(other)), samples[count])
            for count in range(0, len(samples), 97):
                other.load_state_dict(json.loads(states[count]))
                self.assertEqual(list(other), samples[count + 1 :])

    def test_ranks_and_workers_split_exactly(self) -> None:
        real, made = world.finished().folder, small_set(self.scratch / "made").folder
        for folder, shuffle in itertools.product([real, made], [None, 5]):
            expected = Counter(millrace.ShardSet(folder).lines())
            for ranks, workers in [(1, 1), (1, 4), (2, 3), (4, 1), (7, 9)]:
                settings = dict(shuffle=shuffle, ranks=ranks, workers=workers, decode=bytes)
                shares = [
                    list(millrace.Stream(folder, rank=rank, worker=worker, **settings))
                    for rank, worker in itertools.product(range(ranks), range(workers))
                ]
                self.assertEqual(Counter(itertools.chain(*shares)), expected, "each sample in one share")
                if folder == real and ranks * workers < 8:
                    sizes = [len(share) for share in shares]
                    self.assertLess(max(sizes) - min(sizes), 12, "and the shares are even")

    def test_the_split_does_not_go_by_the_order_of_commits(self) -> None:
        grown = small_set(self.scratch / "grown")
        streams = [millrace.Stream(grown.folder, worker=w, workers=3, follow=True, idle_seconds=0) for w in range(3)]
        before = [list(stream) for stream in streams]
        grown.add(1, [[b"101", b"102", b"103"]])
        # The first share looks now, the others when more has come: they see other passes.
        first = before[0] + list(streams[0])
        grown.add(0, [[b"104"], [b"105", b"106"]])
        found = [first + list(streams[0]), before[1] + list(streams[1]), before[2] + list(streams[2])]
        whole = [list(millrace.Stream(grown.folder, worker=w, workers=3)) for w in range(3)]
        self.assertEqual([sorted(map(str, share)) for share in found], [sorted(map(str, share)) for share in whole])

    def test_a_shuffle_is_a_permutation_by_seed_and_pass(self) -> None:
        folder = world.finished().folder
        expected = list(millrace.ShardSet(folder).lines())

        def passes(seed: int) -> list[list[bytes]]:
            stream = millrace.Stream(folder, shuffle=seed, decode=bytes)
            return [list(stream), list(stream)]

        first, second = passes(11)
        self.assertEqual(passes(11), [first, second])
        self.assertEqual(sorted(first), sorted(expected))
        self.assertEqual(sorted(second), sorted(expected))
        orders = [expected, first, second, *passes(12)]
        for one, other in itertools.combinations(orders, 2):
            same = sum(a == b for a, b in zip(one, other))
            self.assertLess(same, 20, "nothing is left where it was")
        third = millrace.Stream(folder, shuffle=11, decode=bytes)
        third.set_pass(1)
        self.assertEqual(list(third), second)

    def test_a_shuffle_is_the_same_on_every_machine(self) -> None:
        folder = small_set(self.scratch / "made").folder
        stream = millrace.Stream(folder, shuffle=1, window=3)
        # Written down once: another order here, and states that were saved are worth nothing.
        self.assertEqual([sample["n"] for sample in stream], GOLDEN)

    def test_a_loop_that_is_left_and_one_that_is_taken_over(self) -> None:
        folder = small_set(self.scratch / "made").folder
        stream = millrace.Stream(folder)
        whole = list(millrace.Stream(folder))
        first = iter(stream)
        self.assertEqual([next(first), next(first)], whole[:2])
        self.assertEqual(list(stream), whole, "a new loop is a new pass")
        self.assertEqual(list(first), [], "the older one has ended")
        state = millrace.Stream(folder).state_dict()
        stream.load_state_dict(state)
        self.assertEqual(list(stream), whole)

    def test_a_state_that_does_not_fit_is_refused_with_the_remedy(self) -> None:
        folder = small_set(self.scratch / "made").folder
        other = Fabricated(self.scratch / "other", partitions=3, name="other")
        anew = Fabricated(self.scratch / "anew", partitions=3)
        for partition in range(3):
            for _ in range(9):
                anew.add(partition, [[b'"new"']])
        stream = millrace.Stream(folder, shuffle=1)
        next(iter(stream))
        state = stream.state_dict()
        for target, settings, words in [
            (folder, dict(shuffle=2), "shuffle 1.*seed"),
            (folder, dict(shuffle=1, window=3), "window 64"),
            (folder, dict(shuffle=1, workers=2), "shares 1.*as many ranks and workers"),
            (folder, dict(shuffle=1, follow=True), "follow False"),
            (other.folder, dict(shuffle=1), "set 'made'.*folder"),
        ]:
            with self.assertRaisesRegex(millrace.ShardError, words):
                millrace.Stream(target, **settings).load_state_dict(state)
        with self.assertRaisesRegex(millrace.ShardError, "made-0000-.*made anew"):
            self.resumed(state, anew.folder, shuffle=1)
        for damage in [
            None, 3, {}, {**state, "version": 2}, {**state, "position": None}, {**state, "position": {}},
            {**state, "position": {**state["position"], "group": -1}},
            {**state, "position": {**state["position"], "ends": [1, 2]}},
            {**state, "position": {**state["position"], "starts": [9, 9, 9]}},
            {**state, "position": {**state["position"], "last": [1, 2, 3]}},
            {**state, "position": {**state["position"], "drawn": True}},
        ]:  # fmt: skip
            with self.assertRaises(millrace.ShardError):
                millrace.Stream(folder, shuffle=1).load_state_dict(damage)

    def test_a_place_beyond_the_end_is_the_end(self) -> None:
        folder = small_set(self.scratch / "made").folder
        state = millrace.Stream(folder).state_dict()
        stream = millrace.Stream(folder)
        next(iter(stream))
        state = stream.state_dict()
        for key in ("group", "drawn"):
            far = {**state, "position": {**state["position"], key: 10**9}}
            self.assertLess(len(self.resumed(far, folder)), 41)

    def test_settings_that_fit_nothing(self) -> None:
        folder = small_set(self.scratch / "made").folder
        for settings in (
            dict(rank=1), dict(rank=-1), dict(worker=2, workers=2), dict(window=0), dict(poll_seconds=0), dict(shuffle=True)
        ):  # fmt: skip
            with self.assertRaises(ValueError):
                millrace.Stream(folder, **settings)


GOLDEN = [
    9, 28, 8, 4, 7, 6, 5, 30, 37, 29, 38, 34, 31, 40, 39, 32, 33, 23, 35, 17, 16, 26, 36, 21, 22, 25, 18, 24, 27, 15, 0, 11,
    2, 10, 13, 1, 14, 12, 20, 19, 3,
]  # fmt: skip
