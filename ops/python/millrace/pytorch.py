# SPDX-License-Identifier: Apache-2.0
"""Samples for a PyTorch ``DataLoader``. Needs ``torch``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import torch.distributed
import torch.utils.data

from .decoding import Decode, decode_json
from .stream import Stream


class SampleDataset(torch.utils.data.IterableDataset):  # type: ignore[type-arg]
    """A ``Stream`` that is split over the ranks of ``torch.distributed`` and the workers of its ``DataLoader``.

    Each sample falls to one worker of one rank. A ``DataLoader`` gives its workers copies of this at each epoch, so that
    they all begin with the pass of ``set_epoch``; with ``persistent_workers=True`` they count by themselves. State is a
    worker's own: torchdata's ``StatefulDataLoader`` saves and loads that of each.

    Args:
        folder, follow, shuffle, window, decode, poll_seconds, idle_seconds: as ``Stream`` has them.
        rank, ranks: of this process; those of ``torch.distributed`` where it is initialised, else one of one.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        follow: bool = False,
        shuffle: int | None = None,
        window: int = 64,
        rank: int | None = None,
        ranks: int | None = None,
        decode: Decode = decode_json,
        poll_seconds: float = 0.5,
        idle_seconds: float | None = None,
    ) -> None:
        super().__init__()
        is_distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        if (rank is None) != (ranks is None):
            raise ValueError("name both, rank and ranks, or neither")
        if rank is None:
            rank = torch.distributed.get_rank() if is_distributed else 0
            ranks = torch.distributed.get_world_size() if is_distributed else 1
        self._settings: dict[str, Any] = {
            "folder": os.fspath(folder),
            "follow": follow,
            "shuffle": shuffle,
            "window": window,
            "rank": rank,
            "ranks": ranks,
            "decode": decode,
            "poll_seconds": poll_seconds,
            "idle_seconds": idle_seconds,
        }
        self._epoch = 0
        self._stream: Stream | None = None
        #: Tells whether the last pass has ended, and whether that of a loaded state had.
        self._ended = self._loaded_ended = False
        # Refused here rather than in a worker.
        Stream(**self._settings)

    def set_epoch(self, epoch: int) -> None:
        """Begins with the pass of a number at the next loop, as ``DistributedSampler`` does."""
        self._epoch = epoch
        if self._stream is not None:
            self._stream.set_pass(epoch)

    def __iter__(self) -> Iterator[Any]:
        stream = self._opened()
        is_over, self._loaded_ended = self._loaded_ended, False
        # The other workers may have yet to end the pass in which the state was saved.
        if not is_over or torch.utils.data.get_worker_info() is None:
            self._ended = False
            yield from stream
        self._ended = True

    def state_dict(self) -> dict[str, Any]:
        """The position of this process or worker."""
        return {**self._opened().state_dict(), "ended": self._ended}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a position of this process or worker."""
        self._opened().load_state_dict(state)
        self._ended = self._loaded_ended = state.get("ended") is True

    def __getstate__(self) -> dict[str, Any]:
        # Open files stay with their process.
        return {**self.__dict__, "_stream": None}

    def _opened(self) -> Stream:
        if self._stream is None:
            info = torch.utils.data.get_worker_info()
            worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
            self._stream = Stream(**self._settings, worker=worker, workers=workers)
            if self._epoch:
                self._stream.set_pass(self._epoch)
            if info is not None:
                # A worker that waits for samples would outlive a loader that was killed.
                parent = os.getppid()
                self._stream.should_stop = lambda: os.getppid() != parent
        return self._stream
