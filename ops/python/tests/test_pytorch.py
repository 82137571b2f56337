# SPDX-License-Identifier: Apache-2.0
"""PyTorch's loaders over a set. Skipped without torch: it is large, and installed by hand."""

from __future__ import annotations

import itertools
import json
import time
import unittest
from collections import Counter

from tests import world
from tests.test_growing import DEADLINE_SECONDS, Writer

try:
    import torch.utils.data
    from millrace.pytorch import SampleDataset
except ImportError:
    torch = None  # type: ignore[assignment]

try:
    from torchdata.stateful_dataloader import StatefulDataLoader
except ImportError:
    StatefulDataLoader = None


def as_text(samples: list[object]) -> list[object]:
    """A batch as it is: dicts of uneven fields cannot be stacked."""
    return samples


@unittest.skipIf(torch is None, "torch is not installed")
class PyTorchTests(unittest.TestCase):
    def test_each_sample_once_an_epoch_with_any_number_of_workers(self) -> None:
        home = world.finished()
        expected = Counter(home.cat())
        for workers, shuffle, context in [(0, None, None), (1, 3, None), (4, 3, None), (2, None, "spawn"), (3, 1, "fork")]:
            data = SampleDataset(home.folder, shuffle=shuffle, decode=bytes)
            loader = torch.utils.data.DataLoader(
                data, batch_size=32, num_workers=workers, collate_fn=as_text, multiprocessing_context=context
            )
            epochs = []
            for epoch in range(2):
                data.set_epoch(epoch)
                epochs.append(list(itertools.chain.from_iterable(loader)))
                self.assertEqual(Counter(epochs[-1]), expected)
            self.assertEqual(epochs[0] == epochs[1], shuffle is None, "an order of its own an epoch")

    def test_workers_that_persist_count_their_passes(self) -> None:
        home = world.finished()
        data = SampleDataset(home.folder, shuffle=1, decode=bytes)
        loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=2, persistent_workers=True)
        epochs = [list(loader) for _ in range(3)]
        for epoch in epochs:
            self.assertEqual(Counter(epoch), Counter(home.cat()))
        self.assertNotEqual(epochs[0], epochs[1])
        self.assertNotEqual(epochs[1], epochs[2])

    def test_ranks_and_workers_split_exactly(self) -> None:
        home = world.finished()
        found: Counter[bytes] = Counter()
        for rank in range(3):
            data = SampleDataset(home.folder, rank=rank, ranks=3, decode=bytes)
            loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=2)
            found.update(loader)
        self.assertEqual(found, Counter(home.cat()))

    @unittest.skipIf(StatefulDataLoader is None, "torchdata is not installed")
    def test_a_stateful_loader_goes_on_with_the_very_next_batch(self) -> None:
        home = world.finished(videos=12, samples=100)
        for workers in (0, 3):

            def loader(workers: int = workers) -> object:
                data = SampleDataset(home.folder, shuffle=3, decode=bytes)
                return StatefulDataLoader(data, batch_size=16, num_workers=workers, collate_fn=as_text)

            whole = list(loader())
            for count in (1, 7, len(whole) - 1):
                first = loader()
                batches = list(itertools.islice(first, count))
                state = json.loads(json.dumps(first.state_dict(), default=str)) if workers == 0 else first.state_dict()
                second = loader()
                second.load_state_dict(state)
                self.assertEqual(batches + list(second), whole, f"{workers} workers, {count} batches")

    def test_four_workers_beside_a_live_writer_under_kills(self) -> None:
        quiet = world.finished(videos=40, samples=40)
        expected = Counter(quiet.cat())
        home = world.copied(world.ingested(40, 40, 4), "killed-torch")
        writer = Writer(home, seed=9, rate=4000)
        writer.start()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not list(home.folder.glob("manifest-*.jsonl")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        data = SampleDataset(home.folder, follow=True, shuffle=1, decode=bytes, poll_seconds=0.02, idle_seconds=20)
        loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=4)
        found: Counter[bytes] = Counter()
        for sample in loader:
            found[sample] += 1
            self.assertLess(time.monotonic(), deadline, f"{found.total()} of {expected.total()}")
        writer.join(DEADLINE_SECONDS)
        self.assertEqual(writer.failure, "")
        self.assertGreater(writer.kills, 3)
        self.assertEqual(found, expected)
