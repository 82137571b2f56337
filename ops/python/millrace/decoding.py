# SPDX-License-Identifier: Apache-2.0
"""From lines to samples."""

from __future__ import annotations

import json
from typing import Any, Callable

from .errors import ShardError

#: Makes a sample of a line of JSON.
Decode = Callable[[bytes], Any]

_decoder = json.JSONDecoder()


def decode_json(line: bytes) -> Any:
    """``json.loads`` without its guess at the encoding: a shard's lines are UTF-8."""
    return _decoder.decode(line.decode())


def undecodable(path: str, line: bytes, error: Exception) -> ShardError:
    """The refusal of a line."""
    return ShardError(
        f"{path}: a sample cannot be decoded ({error}): {line[:80]!r}; if it is JSON, name another `decode`, else "
        "regenerate the set with `millrace replay … --from earliest`"
    )
