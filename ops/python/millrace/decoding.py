# SPDX-License-Identifier: Apache-2.0
"""From lines to samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Callable

from .errors import ShardError

#: Makes a sample of a line of JSON.
Decode = Callable[[bytes], Any]

#: Lines that are decoded at a time.
TOGETHER_MAX = 256


def decode_json(line: bytes) -> Any:
    """``json.loads`` without its guess at the encoding: a shard's lines are UTF-8."""
    return json.loads(line.decode())


def always(path: str) -> Callable[[int], str]:
    """Names one file for every line."""
    return lambda _: path


class Decoder:
    """Decodes lines, many at a time where that is quicker.

    The parsers of ``json`` and ``orjson`` take half the time for an array of lines as for the lines one by one, since they
    meet the same keys again. Where an array cannot be had, for one of the lines is damaged, they are decoded one by one, so
    that the ones before it come, and it is named.
    """

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._is_parser = decode is decode_json or getattr(decode, "__module__", "") in ("json", "orjson")

    def one(self, path: str, line: bytes) -> Any:
        """The sample of a line of a file.

        Raises:
            ShardError: where it cannot be decoded.
        """
        try:
            return self._decode(line)
        except (ValueError, RecursionError) as error:
            raise ShardError(
                f"{path}: a sample cannot be decoded ({error}): {line[:80]!r}; if it is JSON, name another `decode`, else "
                "regenerate the set with `millrace replay … --from earliest`"
            ) from error

    def many(self, lines: Sequence[bytes], path: Callable[[int], str]) -> Iterator[Any]:
        """The samples of lines.

        Args:
            path: the file of a line, by its place among them.

        Raises:
            ShardError: at a line that cannot be decoded.
        """
        for start in range(0, len(lines), TOGETHER_MAX):
            some = lines[start : start + TOGETHER_MAX]
            together = self._together(some)
            if together is not None:
                yield from together
            else:
                for index, line in enumerate(some, start):
                    yield self.one(path(index), line)

    def _together(self, lines: Sequence[bytes]) -> list[Any] | None:
        if not self._is_parser:
            return None
        try:
            samples = self._decode(b"[" + b",".join(lines) + b"]")
        except (ValueError, RecursionError):
            return None
        return samples if len(samples) == len(lines) else None
