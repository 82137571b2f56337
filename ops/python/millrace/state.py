# SPDX-License-Identifier: Apache-2.0
"""A stream's position as a value that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import ShardError
from .manifest import NUMBER_MAX, Entry

#: The version of saved states.
VERSION = 1


@dataclass
class Position:
    """The position of a stream: a cursor a partition, and a place between the two that the pass covers.

    A pass covers the shards of each partition from ``starts`` up to ``ends``; of its samples, those of ``group`` groups
    of frames were handed out, and ``drawn`` of the next one.
    """

    number: int = 0
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    #: The SHA-256 of the last shard before each end, so that a set made anew is told from the one that was read.
    last: list[str] = field(default_factory=list)
    group: int = 0
    drawn: int = 0

    @property
    def is_begun(self) -> bool:
        """Tells whether a pass is under way."""
        return bool(self.ends)

    def begin(self, entries: Sequence[Sequence[Entry]], starts: list[int]) -> None:
        """Begins a pass over what is listed now."""
        self.starts = starts
        self.ends = [len(shards) for shards in entries]
        self.last = [shards[-1].sha256 if shards else "" for shards in entries]
        self.group = self.drawn = 0

    def end(self) -> None:
        """Ends the pass; ``ends`` stay where the next pass of a stream that follows begins."""
        self.number += 1
        self.starts = list(self.ends)
        self.group = self.drawn = 0

    def to_json(self) -> dict[str, Any]:
        """The position with names that JSON keeps."""
        return asdict(self)

    @staticmethod
    def from_json(value: Any) -> Position:
        """Reads a position.

        Raises:
            ShardError: if it is none.
        """
        if not isinstance(value, Mapping):
            raise _unfit("it has no position")
        starts, ends = (_counts(value.get(key), key) for key in ("starts", "ends"))
        last = value.get("last")
        if not isinstance(last, list) or not all(isinstance(item, str) for item in last):
            raise _unfit("its hashes are no text")
        if not len(starts) == len(ends) == len(last):
            raise _unfit("its cursors are not one a partition")
        if any(start > end for start, end in zip(starts, ends)):
            raise _unfit("a cursor ends before it begins")
        number, group, drawn = (_count(value.get(key), key) for key in ("number", "group", "drawn"))
        return Position(number, starts, ends, last, group, drawn)


def expect(state: Mapping[str, Any], key: str, value: object, remedy: str) -> None:
    """Compares a setting of a saved state with the stream's own."""
    if state.get(key) != value:
        raise ShardError(f"the saved state has {key} {state.get(key)!r}, this stream {value!r}; {remedy}")


def _count(value: Any, key: str) -> int:
    if type(value) is not int or not 0 <= value <= NUMBER_MAX:
        raise _unfit(f"its {key} is no count")
    return value


def _counts(value: Any, key: str) -> list[int]:
    if not isinstance(value, list):
        raise _unfit(f"its {key} are no list")
    return [_count(item, key) for item in value]


def _unfit(why: str) -> ShardError:
    return ShardError(f"the saved state is damaged: {why}; load another, or begin anew without one")
