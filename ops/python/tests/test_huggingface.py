# SPDX-License-Identifier: Apache-2.0
"""Hugging Face data sets. Skipped without `datasets`, which is installed by hand."""

from __future__ import annotations

import json
import shutil
import tempfile
import unittest
from pathlib import Path

import millrace

from tests import world
from tests.fabricated import Fabricated

try:
    from millrace import huggingface
except ImportError:
    huggingface = None  # type: ignore[assignment]


@unittest.skipIf(huggingface is None, "datasets is not installed")
class HuggingFaceTests(unittest.TestCase):
    def setUp(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="millrace-huggingface-"))
        self.addCleanup(shutil.rmtree, self.scratch)

    def test_same_samples_same_order(self) -> None:
        home = world.finished()
        expected = list(millrace.ShardSet(home.folder))
        for processes in (None, 2):
            cache = str(self.scratch / f"cache-{processes}")
            data = huggingface.load(home.folder, cache_dir=cache, num_proc=processes)
            self.assertEqual(len(data), len(expected))
            self.assertEqual(list(data), expected)
        streamed = huggingface.load(home.folder, streaming=True)
        self.assertEqual(list(streamed), expected)
        self.assertEqual(streamed.num_shards, len(millrace.ShardSet(home.folder).entries))

    def test_a_set_that_has_grown_is_built_anew(self) -> None:
        made = Fabricated(self.scratch / "made")
        made.add(0, [[json.dumps({"n": n}).encode() for n in range(5)]])
        cache = str(self.scratch / "cache")
        self.assertEqual(huggingface.load(made.folder, cache_dir=cache)["n"][:], [0, 1, 2, 3, 4])
        made.add(0, [[b'{"n":5}']])
        self.assertEqual(huggingface.load(made.folder, cache_dir=cache)["n"][:], [0, 1, 2, 3, 4, 5])

    def test_an_empty_set_is_refused_with_the_remedy(self) -> None:
        made = Fabricated(self.scratch / "made")
        with self.assertRaisesRegex(millrace.ShardError, "no samples yet.*run its topology"):
            huggingface.load(made.folder, cache_dir=str(self.scratch / "cache"))
