# SPDX-License-Identifier: Apache-2.0
"""Reads the samples that Millrace writes: whole sets and growing ones, shuffled, split, resumed exactly.

``ShardSet`` is what is committed at one moment, with random access; ``Stream`` hands samples out in order or shuffled,
follows a set that grows, and goes on where a saved state was. ``millrace.pytorch`` and ``millrace.huggingface`` are on
top, and are imported by name alone, since they need packages of their own.
"""

from .errors import ShardError
from .manifest import Entry, Manifest
from .shard import Shard
from .shard_set import ShardSet
from .stream import Stream

__all__ = ["Entry", "Manifest", "Shard", "ShardError", "ShardSet", "Stream"]
