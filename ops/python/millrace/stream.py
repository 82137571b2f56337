# SPDX-License-Identifier: Apache-2.0
"""Samples one after the other: in order or shuffled, split, followed, resumed."""

from __future__ import annotations

import os
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Callable

from .decoding import Decode, Decoder, decode_json
from .errors import ShardError
from .manifest import Manifest
from .order import PassOrder, Place, share_of_frame
from .shard import Shard
from .state import VERSION, Position, expect

#: Shards that are kept open while a group is read.
OPEN_SHARDS_MAX = 64


class Stream:
    """The samples of a set, each once a pass.

    A loop over it is one pass over what is committed at its beginning; the next loop is the next pass, and draws
    another order where it shuffles. With ``follow`` a loop does not end: it goes through what is there, then waits for
    more, and what comes is a pass of its own; a loop that was left goes on in the next one. In order means by shard
    sequence, then partition; within a partition it is the order of `millrace shards cat`. Used from one thread at a
    time.

    Args:
        folder: the folder of one set, ``HOME/shards/NAME``.
        follow: whether to wait for more at the end.
        shuffle: a seed, by which each pass is shuffled; ``None`` for the order of the set.
        window: how many frames (of 128 KiB) a shuffle holds in memory and mixes at a time.
        rank, ranks: this process's number among all that train together.
        worker, workers: this worker's number among those of the process. Each sample falls to one of the
            ``ranks * workers`` shares.
        decode: makes a sample of a line; ``bytes`` gives the line, ``orjson.loads`` is faster than the default.
        poll_seconds: how long to wait between two looks at the lists, with ``follow``.
        idle_seconds: with ``follow``, end the loop when nothing has come for so long; ``None``: never.

    Raises:
        ShardError: where the folder or a list in it cannot be read.
        ValueError: for settings that fit nothing.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        follow: bool = False,
        shuffle: int | None = None,
        window: int = 64,
        rank: int = 0,
        ranks: int = 1,
        worker: int = 0,
        workers: int = 1,
        decode: Decode = decode_json,
        poll_seconds: float = 0.5,
        idle_seconds: float | None = None,
    ) -> None:
        if not 0 <= rank < ranks or not 0 <= worker < workers:
            raise ValueError(f"rank {rank} of {ranks}, worker {worker} of {workers}: numbers begin at 0")
        if window < 1 or poll_seconds <= 0:
            raise ValueError(f"window {window} and poll_seconds {poll_seconds} must be above zero")
        if shuffle is not None and type(shuffle) is not int:
            raise ValueError(f"shuffle={shuffle!r} is no seed: name a whole number, or None for no shuffling")
        self._manifest = Manifest(folder)
        self._follow = follow
        self._seed = shuffle
        self._window = window
        self._share = rank * workers + worker
        self._shares = ranks * workers
        self._decoder = Decoder(decode)
        self._poll_seconds = poll_seconds
        self._idle_seconds = idle_seconds
        self._position = Position()
        self._shards: dict[str, Shard] = {}
        #: Counts the loops and moves, of which the last one counts.
        self._run = 0
        #: Tells whether a loop has begun the pass at the position.
        self._is_begun = False
        #: Asked while it waits; true ends the loop.
        self.should_stop: Callable[[], bool] = lambda: False

    @property
    def name(self) -> str:
        """The name of the set."""
        return self._manifest.name

    def set_pass(self, number: int) -> None:
        """Begins with the pass of a number at the next loop: where it shuffles, a number is an order of its own."""
        if self._follow or number < 0:
            raise ValueError(f"pass {number}: numbers begin at 0, and a stream that follows counts by itself")
        self._move(Position(number=number))

    def __iter__(self) -> Iterator[Any]:
        if self._is_begun and not self._follow:
            self._move(Position(number=self._position.number + 1))
        # A loop that is still open elsewhere ends at its next step.
        self._run += 1
        self._is_begun = True
        return self._passes(self._run)

    def _move(self, position: Position) -> None:
        self._run += 1
        self._position = position
        self._is_begun = False

    def _passes(self, run: int) -> Iterator[Any]:
        try:
            while self._begin():
                yield from self._pass(run)
                if run != self._run:
                    return
                self._end()
                if not self._follow:
                    return
        except Exception:
            # Nothing behind the position was handed out: the next loop goes on there.
            if run == self._run:
                self._is_begun = False
            raise
        finally:
            if run == self._run:
                self._close()

    # --- Saved states

    def state_dict(self) -> dict[str, Any]:
        """The position behind the last sample that was handed out, as a value that JSON can hold."""
        return {
            "version": VERSION,
            "set": self.name,
            "follow": self._follow,
            "shuffle": self._seed,
            "window": self._window,
            "share": self._share,
            "shares": self._shares,
            "position": self._position.to_json(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on behind the sample after which a state was saved, with the very next one.

        Raises:
            ShardError: where the state is another set's, another share's, or of other settings.
        """
        if not isinstance(state, Mapping):
            raise ShardError("the saved state is no object; load what state_dict() gave")
        expect(state, "version", VERSION, "use the package that saved it")
        expect(state, "set", self.name, "name that set's folder")
        expect(state, "follow", self._follow, "open the stream as it was")
        expect(state, "shuffle", self._seed, "open the stream with that seed")
        expect(state, "window", self._window, "open the stream with that window")
        expect(state, "shares", self._shares, "a state goes on among as many ranks and workers as it was saved among")
        expect(state, "share", self._share, "each rank and worker goes on from its own state")
        position = Position.from_json(state.get("position"))
        if position.is_begun and len(position.ends) != self._manifest.partitions:
            raise ShardError(
                f"the saved state has {len(position.ends)} partitions, {self._manifest.folder} {self._manifest.partitions}: "
                "the set was made anew; begin anew, too, without the state"
            )
        self._move(position)

    # --- Passes

    def _begin(self) -> bool:
        """Begins a pass, or goes on with one; tells whether there is one."""
        position, manifest = self._position, self._manifest
        manifest.refresh()
        if not self._follow:
            manifest.require_all()
        if position.ends != position.starts or position.is_begun and self._follow:
            if not self._await(self._lists_position):
                return False
            self._compare()
        if position.ends != position.starts:
            return True
        starts = list(position.ends) if self._follow else []
        starts += [0] * (manifest.partitions - len(starts))
        if self._follow and not self._await(lambda: self._has_more(starts)):
            return False
        position.begin(manifest.entries, starts)
        return True

    def _end(self) -> None:
        if self._follow:
            self._position.end()
        else:
            self._position = Position(number=self._position.number + 1)
            self._is_begun = False

    def _has_more(self, starts: list[int]) -> bool:
        return any(len(shards) > start for shards, start in zip(self._manifest.entries, starts))

    def _lists_position(self) -> bool:
        """Tells whether the lists have come to where the position is: after a crash they may lag behind it."""
        behind = [p for p, end in enumerate(self._position.ends) if len(self._manifest.entries[p]) < end]
        if behind and not self._follow:
            path = os.path.join(self._manifest.folder, f"manifest-{behind[0]}.jsonl")
            raise ShardError(
                f"{path} lists {len(self._manifest.entries[behind[0]])} shards, the saved state has seen "
                f"{self._position.ends[behind[0]]}: the file lags behind the log after a crash; run the set's topology "
                "once, which mends it"
            )
        return not behind

    def _compare(self) -> None:
        for p, (end, last) in enumerate(zip(self._position.ends, self._position.last)):
            if end and self._manifest.entries[p][end - 1].sha256 != last:
                raise ShardError(
                    f"{self._manifest.entries[p][end - 1].file} in {self._manifest.folder} is not the shard that the saved "
                    "state has seen: the set was made anew; begin anew, too, without the state"
                )

    def _await(self, is_there: Callable[[], bool]) -> bool:
        """Waits until the lists are as wanted; false if that was given up."""
        idle_since = time.monotonic()
        while not is_there():
            if self.should_stop():
                return False
            if self._idle_seconds is not None and time.monotonic() - idle_since >= self._idle_seconds:
                return False
            time.sleep(self._poll_seconds)
            if self._manifest.refresh():
                idle_since = time.monotonic()
        return True

    def _pass(self, run: int) -> Iterator[Any]:
        position = self._position
        order = PassOrder(self._manifest.entries, position.starts, position.ends, position.number, self._seed, self._window)
        while position.group < order.groups:
            group = order.group(position.group)
            lines, starts = self._read(group)
            drawn = order.samples(position.group, len(lines), self._share)[position.drawn :]
            chosen = [lines[number] for number in drawn]
            path = partial(self._path, group, starts, drawn)
            for sample in self._decoder.many(chosen, path):
                position.drawn += 1
                yield sample
                if run != self._run:
                    return
            position.group += 1
            position.drawn = 0

    def _path(self, group: list[Place], starts: list[int], drawn: Sequence[int], index: int) -> str:
        """The file of the sample that is drawn at a place."""
        return self._shard(group[bisect_right(starts, drawn[index]) - 1]).path

    def _read(self, group: list[Place]) -> tuple[list[bytes], list[int]]:
        """The lines of this share in a group, and the number of those before each frame."""
        lines: list[bytes] = []
        starts: list[int] = []
        for place in group:
            starts.append(len(lines))
            lines += share_of_frame(self._shard(place).lines(place.frame), place, self._share, self._shares)
        return lines, starts

    def _shard(self, place: Place) -> Shard:
        shard = self._shards.get(place.entry.file)
        if shard is None:
            if len(self._shards) >= (1 if self._seed is None else OPEN_SHARDS_MAX):
                self._shards.pop(next(iter(self._shards))).close()
            shard = self._shards[place.entry.file] = Shard(self._manifest.folder, place.entry)
        return shard

    def _close(self) -> None:
        for shard in self._shards.values():
            shard.close()
        self._shards.clear()
