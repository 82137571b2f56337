# SPDX-License-Identifier: Apache-2.0
"""The order in which frames and samples are read: a pure function of seed, pass and what the pass covers.

A pass covers a range of shards of each partition. Its frames are numbered in the order of sequence, then partition,
then place in the shard; shuffled, they are drawn without order by the pass's key. Frames are read in groups, and the
samples of a group are drawn without order again, so a shuffle needs no more memory than a group.
"""

from __future__ import annotations

import hashlib
import random
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from .manifest import Entry


class Place(NamedTuple):
    """A frame of a pass."""

    entry: Entry
    #: The frame's number in its shard.
    frame: int
    #: The frame's number among all of its partition, on which the split over shares goes by.
    ordinal: int


def in_order(entries: Sequence[Sequence[Entry]], starts: Sequence[int], ends: Sequence[int]) -> list[Entry]:
    """The shards of a range of each partition, by sequence, then partition."""
    chosen = (entry for p, shards in enumerate(entries) for entry in shards[starts[p] : ends[p]])
    return sorted(chosen, key=lambda entry: (entry.sequence, entry.partition))


def drawn(count: int, *key: object) -> array[int]:
    """The numbers below ``count`` in an order that the key decides, on every machine and version of Python.

    Python promises that ``random()`` gives the same numbers for the same integer seed; it does not of ``shuffle``.
    """
    digest = hashlib.sha256(repr(key).encode()).digest()
    number = random.Random(int.from_bytes(digest, "big")).random
    weights = [number() for _ in range(count)]
    return array("Q", sorted(range(count), key=weights.__getitem__))


class PassOrder:
    """The frames of a pass, in groups."""

    def __init__(
        self,
        entries: Sequence[Sequence[Entry]],
        starts: Sequence[int],
        ends: Sequence[int],
        number: int,
        seed: int | None,
        window: int,
    ) -> None:
        self._seed = seed
        self._number = number
        self._window = 1 if seed is None else window
        self._shards = in_order(entries, starts, ends)
        #: The number of frames before each shard, and of all.
        self._before = list(accumulate((entry.frames for entry in self._shards), initial=0))
        self._ordinals = [list(accumulate((entry.frames for entry in shards), initial=0)) for shards in entries]
        self._order = None if seed is None else drawn(self.frames, "frames", seed, number)

    @property
    def frames(self) -> int:
        """The number of frames."""
        return self._before[-1]

    @property
    def groups(self) -> int:
        """The number of groups."""
        return -(-self.frames // self._window)

    def group(self, number: int) -> list[Place]:
        """The frames of a group."""
        numbers = range(number * self._window, min(self.frames, (number + 1) * self._window))
        return [self._place(n if self._order is None else self._order[n]) for n in numbers]

    def samples(self, group: int, count: int, share: int) -> Sequence[int]:
        """The order of the samples of a share in a group, of which there are so many."""
        if self._seed is None:
            return range(count)
        return drawn(count, "samples", self._seed, self._number, group, share)

    def _place(self, number: int) -> Place:
        index = bisect_right(self._before, number) - 1
        entry, frame = self._shards[index], number - self._before[index]
        return Place(entry, frame, self._ordinals[entry.partition][entry.sequence] + frame)


def share_of_frame(lines: list[bytes], place: Place, share: int, shares: int) -> list[bytes]:
    """The samples of a frame that fall to a share: each falls to one, whatever was committed in which order.

    Sample i of a partition's frame n is share (partition + n + i) modulo the number of shares, so that small frames,
    too, go round.
    """
    if shares == 1:
        return lines
    return lines[(share - place.entry.partition - place.ordinal) % shares :: shares]
