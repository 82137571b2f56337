# SPDX-License-Identifier: Apache-2.0
"""Samples as a Hugging Face data set. Needs ``datasets``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import datasets

from .decoding import Decoder, always, decode_json
from .errors import ShardError
from .manifest import Entry
from .shard import Shard
from .shard_set import ShardSet


@dataclass
class ShardConfig(datasets.BuilderConfig):
    """Whose samples to build."""

    #: The folder of one set, ``HOME/shards/NAME``.
    folder: str = ""
    #: A hash of what is committed: a set that has grown is built anew, and not taken from the cache.
    committed: str = ""
    #: The columns; by default they are inferred from the first samples.
    features: datasets.Features | None = None


class ShardBuilder(datasets.GeneratorBasedBuilder):
    """Builds a data set of the shards that are committed when it is made; each shard may be a process of its own."""

    BUILDER_CONFIG_CLASS = ShardConfig

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=self.config.features)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        shards = ShardSet(self.config.folder)
        if _hash(shards) != self.config.committed:
            raise ShardError(f"{self.config.folder} has changed since the builder was made; call load() again")
        if not shards.entries:
            raise ShardError(f"{self.config.folder} has no samples yet; run its topology first")
        files = {"folder": self.config.folder, "entries": shards.entries}
        return [datasets.SplitGenerator(name=str(datasets.Split.TRAIN), gen_kwargs=files)]

    def _generate_examples(self, folder: str, entries: list[Entry]) -> Iterator[tuple[str, Any]]:
        decoder = Decoder(decode_json)
        for entry in entries:
            shard = Shard(folder, entry)
            number = 0
            for frame in range(len(shard.frames)):
                for sample in decoder.many(shard.lines(frame), always(shard.path)):
                    yield f"{entry.file}/{number}", sample
                    number += 1
            shard.close()


def load(
    folder: str | os.PathLike[str],
    *,
    streaming: bool = False,
    features: datasets.Features | None = None,
    cache_dir: str | None = None,
    num_proc: int | None = None,
) -> datasets.Dataset | datasets.IterableDataset:
    """The committed samples of a set as a data set, in the order of ``ShardSet``.

    Args:
        folder: the folder of one set, ``HOME/shards/NAME``.
        streaming: whether to read while iterating, without a copy in Arrow's format.
        features: the columns; by default they are inferred from the first samples.
        cache_dir, num_proc: as ``datasets.load_dataset`` has them.
    """
    shards = ShardSet(folder)
    builder = ShardBuilder(
        cache_dir=cache_dir,
        dataset_name=f"millrace_{shards.name}",
        config_name=f"{shards.name}-{_hash(shards)}",
        folder=os.path.abspath(shards.folder),
        committed=_hash(shards),
        features=features,
    )
    if streaming:
        return builder.as_streaming_dataset(split="train")
    builder.download_and_prepare(num_proc=num_proc)
    return builder.as_dataset(split="train")


def _hash(shards: ShardSet) -> str:
    listed = "\n".join(f"{entry.file} {entry.sha256}" for entry in shards.entries)
    return hashlib.sha256(listed.encode()).hexdigest()[:16]
