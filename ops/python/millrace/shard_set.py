# SPDX-License-Identifier: Apache-2.0
"""A committed set at one moment, as a sequence."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from .decoding import Decode, Decoder, always, decode_json
from .errors import ShardError
from .manifest import Entry, Manifest
from .order import in_order
from .shard import Shard

#: Shards that random access keeps open.
OPEN_SHARDS_MAX = 16
#: Frames that random access keeps in memory, in bytes of content; one is kept, however large.
HELD_BYTES_MAX = 64 << 20


class ShardSet(Sequence[Any]):
    """What is committed of a set when this is made: ``len(samples)``, ``samples[i]``, ``for sample in samples``.

    Samples come by shard sequence, then partition; within a partition in the order of `millrace shards cat`. Whatever
    is committed later is seen by a new ``ShardSet``. The first access into a shard counts the lines of the frames before
    it; later ones go to their frame directly. Used from one thread at a time.

    Args:
        folder: the folder of one set, ``HOME/shards/NAME``.
        decode: makes a sample of a line; ``bytes`` gives the line, ``orjson.loads`` is faster than the default.

    Raises:
        ShardError: where the folder or a list in it cannot be read, or a partition's list is missing.
    """

    def __init__(self, folder: str | os.PathLike[str], *, decode: Decode = decode_json) -> None:
        manifest = Manifest(folder)
        manifest.require_all()
        self.folder = manifest.folder
        self.name = manifest.name
        #: The shards, in the order of the samples.
        self.entries: list[Entry] = in_order(
            manifest.entries, [0] * manifest.partitions, [len(shards) for shards in manifest.entries]
        )
        self._decoder = Decoder(decode)
        self._before = list(accumulate((entry.samples for entry in self.entries), initial=0))
        self._open: OrderedDict[int, Shard] = OrderedDict()
        #: The lines of frames, with their bytes.
        self._held: OrderedDict[tuple[int, int], tuple[list[bytes], int]] = OrderedDict()
        self._held_bytes = 0
        #: The number of lines before each frame of a shard, as far as they were counted.
        self._counted: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return self._before[-1]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        shard, line = self._find(index)
        return self._decoder.one(os.path.join(self.folder, self.entries[shard].file), line)

    def __iter__(self) -> Iterator[Any]:
        for path, lines in self._frames():
            yield from self._decoder.many(lines, always(path))

    def lines(self) -> Iterator[bytes]:
        """The samples as they are, a line of JSON each, a frame in memory at a time."""
        for _, lines in self._frames():
            yield from lines

    def _frames(self) -> Iterator[tuple[str, list[bytes]]]:
        """The lines of each frame, with the path of their file."""
        for entry in self.entries:
            shard = Shard(self.folder, entry)
            count = 0
            for frame in range(len(shard.frames)):
                lines = shard.lines(frame)
                count += len(lines)
                yield shard.path, lines
            shard.close()
            if count != entry.samples:
                raise ShardError(f"{shard.path} has {count} samples, {entry.samples} were committed; restore the file")

    def line(self, index: int) -> bytes:
        """A sample as it is, a line of JSON."""
        return self._find(index)[1]

    def _find(self, index: int) -> tuple[int, bytes]:
        """The shard of a sample, and the sample as it is."""
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        shard = bisect_right(self._before, number) - 1
        frame, line = self._locate(shard, number - self._before[shard])
        return shard, self._frame(shard, frame)[line]

    def verify(self) -> None:
        """Compares every byte of every shard with what was committed.

        Raises:
            ShardError: at the first shard that differs.
        """
        for entry in self.entries:
            shard = Shard(self.folder, entry)
            shard.verify()
            shard.close()

    def __getstate__(self) -> dict[str, Any]:
        # Open files stay with their process.
        return {**self.__dict__, "_open": OrderedDict(), "_held": OrderedDict(), "_held_bytes": 0}

    def _locate(self, shard: int, sample: int) -> tuple[int, int]:
        """The frame of a sample, and its line there."""
        counted = self._counted.setdefault(shard, [0])
        while counted[-1] <= sample:
            if len(counted) > self.entries[shard].frames:
                file = os.path.join(self.folder, self.entries[shard].file)
                raise ShardError(
                    f"{file} has {counted[-1]} samples, {self.entries[shard].samples} were committed; restore the file"
                )
            counted.append(counted[-1] + len(self._frame(shard, len(counted) - 1)))
        frame = bisect_right(counted, sample) - 1
        return frame, sample - counted[frame]

    def _frame(self, shard: int, frame: int) -> list[bytes]:
        held = self._held.get((shard, frame))
        if held is None:
            opened = self._shard(shard)
            held = self._held[shard, frame] = (opened.lines(frame), opened.frames[frame].size)
            self._held_bytes += held[1]
            while self._held_bytes > HELD_BYTES_MAX and len(self._held) > 1:
                self._held_bytes -= self._held.popitem(last=False)[1][1]
        self._held.move_to_end((shard, frame))
        return held[0]

    def _shard(self, shard: int) -> Shard:
        opened = self._open.get(shard)
        if opened is None:
            opened = self._open[shard] = Shard(self.folder, self.entries[shard])
            if len(self._open) > OPEN_SHARDS_MAX:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(shard)
        return opened
