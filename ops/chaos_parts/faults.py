# SPDX-License-Identifier: Apache-2.0
"""The faults: which there are, how a seed draws them, and how each is made."""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run import Run
    from .workers import Worker

# The odds of each, once each has been drawn.
WEIGHTS = {"kill": 30, "zombie": 14, "publish-zombie": 16, "join": 12, "broker": 10, "cut": 18}

KINDS = {
    "kill": "SIGKILL of a worker, started again a little later",
    "zombie": "SIGSTOP of a worker for longer than the session timeout, then SIGCONT",
    "publish-zombie": "the same, around the rename of one of its shards",
    "join": "a fourth worker comes, and leaves by SIGINT or SIGKILL",
    "broker": "the broker ends by SIGTERM and comes back on its data",
    "cut": "every connection of a worker is reset, and new ones are for a while",
}


@dataclass(frozen=True)
class Fault:
    """A fault as it was drawn. The draws are between 0 and 1, and used as each kind likes."""

    number: int
    kind: str
    overlaps: bool  # whether it comes before the run has got over the one before
    delay: float  # seconds
    target: float
    first: float
    second: float


def draw(seed: int, count: int, kinds: list[str]) -> list[Fault]:
    """Draws a plan: each kind once as far as the count goes, the rest by weight, shuffled."""
    numbers = random.Random(seed)
    drawn = kinds[:count]
    drawn += numbers.choices(kinds, [WEIGHTS[kind] for kind in kinds], k=count - len(drawn))
    numbers.shuffle(drawn)
    return [
        Fault(number, kind, number > 1 and numbers.random() < 0.3, numbers.uniform(0.2, 2), numbers.random(),
              numbers.random(), numbers.random())
        for number, kind in enumerate(drawn, 1)]


def make(run: "Run", fault: Fault) -> str:
    """Makes a fault; what it hit."""
    return _MAKERS[fault.kind](run, fault)


def _tasks(tasks) -> str:
    """Tasks in words: `curate 0,2 land 1`."""
    stages: dict[str, list[int]] = {}
    for stage, partition in sorted(tasks):
        stages.setdefault(stage, []).append(partition)
    return " ".join(f"{stage} {','.join(map(str, numbers))}" for stage, numbers in stages.items()) or "no task"


def _target(run: "Run", fault: Fault) -> "Worker":
    running = [worker for worker in run.workers if worker.is_running]
    return running[int(fault.target * len(running))]


def _kill(run: "Run", fault: Fault) -> str:
    worker = _target(run, fault)
    owned = run.observer.owned(worker.pid)
    before = run.unlisted_shards()
    worker.kill()
    run.observer.expect_recovery(fault.number, owned)
    run.count("killed between rename and commit", len(run.unlisted_shards(0.3) - before) > 0)
    pause = 0.3 + 2.7 * fault.first
    run.later(pause, f"{worker} starts again", worker.start)
    return f"{worker}, owner of {_tasks(owned)}, starts again in {pause:.1f} s"


def _sleep_over(run: "Run", fault: Fault, worker: "Worker", owned: set) -> float:
    """Lets a worker that was stopped sleep for longer than its session, and looks who works for it then."""
    seconds = run.session_timeout / 1000 + 1.5 + 2.5 * fault.second

    def wake() -> None:
        replaced = {task for task in owned if run.observer.owner(task) not in (None, worker.pid)}
        run.count("zombies whose tasks had been taken over", bool(replaced))
        worker.wake()
        run.say(f"{worker} wakes up a zombie: {_tasks(replaced)} taken over")

    run.later(seconds, "", wake)
    return seconds


def _zombie(run: "Run", fault: Fault) -> str:
    worker = _target(run, fault)
    owned = run.observer.owned(worker.pid)
    worker.stop()
    seconds = _sleep_over(run, fault, worker, owned)
    return f"{worker}, owner of {_tasks(owned)}, sleeps {seconds:.1f} s"


def _publish_zombie(run: "Run", fault: Fault) -> str:
    """Stops whoever is publishing a shard: before its rename, or between its rename and its commit."""
    worker, file = _await_publishing(run, wants_rename=fault.first < 0.65)
    if worker is None:
        worker = _target(run, fault)
        worker.stop()
        moment = "with no shard about to be renamed"
    else:
        moment = _moment(run, file)
    run.count(f"stopped {moment}", True)
    owned = run.observer.owned(worker.pid)
    seconds = _sleep_over(run, fault, worker, owned)
    return f"{worker}, owner of {_tasks(owned)}, {moment}{f' of {file.name}' if file else ''}, sleeps {seconds:.1f} s"


def _await_publishing(run: "Run", wants_rename: bool) -> tuple["Worker | None", Path | None]:
    """Waits until a worker writes out or renames a shard, and stops it right then; answers the published path."""
    deadline, look = time.monotonic() + 20, 0.0
    watched: list[tuple["Worker", Path, Path]] = []
    while (now := time.monotonic()) < deadline:
        if now >= look:
            run.tick()
            watched = [(worker, path, path.with_name(path.name.removeprefix(".open-")))
                       for worker in run.workers if worker.is_running for path in worker.open_shards()]
            look = now + 0.05
        for worker, path, published in watched:
            if published.exists() if wants_rename else _size(path) > 0:
                if worker.is_running:
                    worker.stop()
                    return worker, published
        time.sleep(0.001)
    return None, None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _moment(run: "Run", published: Path) -> str:
    """Where in publishing a shard its worker was stopped."""
    if not published.exists():
        return "before the rename"
    # Messages that were sent before the stop may still arrive.
    return "after the commit" if run.observer.is_listed(published.name, 0.4) else "between rename and commit"


def _join(run: "Run", fault: Fault) -> str:
    run.extra.start()
    seconds = 5 + 5 * fault.first
    by_kill = fault.second < 0.35

    def leave() -> None:
        owned = run.observer.owned(run.extra.pid)
        run.count("fourth workers that were given tasks", bool(owned))
        if by_kill:
            run.extra.kill()
            run.observer.expect_recovery(fault.number, owned)
        else:
            run.dismiss(run.extra)
        run.say(f"{run.extra}, owner of {_tasks(owned)}, {'is killed' if by_kill else 'leaves'}")

    run.later(seconds, "", leave)
    return f"{run.extra} comes, for {seconds:.1f} s"


def _broker(run: "Run", fault: Fault) -> str:
    return restart_broker(run, 2 * fault.first)


def restart_broker(run: "Run", pause: float) -> str:
    """Restarts the broker, which is cut off from the workers before it is asked to end, with no transaction open.

    noida-db 0.2.3 answers on while it writes its data out, and loses what it acknowledges meanwhile: with
    confluent-kafka alone, 2,238 records acknowledged between 0.04 s and 0.38 s after a SIGTERM were gone after it.
    """
    proxies = [worker.proxy for worker in [*run.workers, run.extra]]
    run.count("broker restarts with a transaction left open", not run.transactions.await_none(3))
    count = sum(proxy.cut(refusing=True) for proxy in proxies)
    run.pass_time(0.3)
    run.observer.pause()
    start = time.monotonic()
    run.broker.stop()
    run.transactions.broker_stopped()
    stopped = time.monotonic() - start

    def begin() -> None:
        run.broker.start()
        run.observer.go_on()
        run.transactions.holding = False
        for proxy in proxies:
            proxy.mend()

    run.later(pause, "the broker starts again", begin)
    return f"the broker, {count} connections, gone after {stopped:.1f} s, starts again in {pause:.1f} s"


def _cut(run: "Run", fault: Fault) -> str:
    worker = _target(run, fault)
    owned = run.observer.owned(worker.pid)
    # Most cuts are short; some outlast the session, which makes a zombie that runs.
    is_long = fault.second < 0.25
    seconds = run.session_timeout / 1000 + 2 if is_long else 2 * fault.first
    accepted = worker.proxy.accepted
    pid = worker.pid
    count = worker.cut()
    run.count("connections cut", count)

    def mend() -> None:
        worker.connect(pid)
        run.later(2.5, "", lambda: run.count("connections made again", worker.proxy.accepted - accepted), heals=False)

    run.later(seconds, f"{worker} is connected again", mend)
    return f"{worker}, owner of {_tasks(owned)}, {count} connections reset, for {seconds:.1f} s"


_MAKERS = {"kill": _kill, "zombie": _zombie, "publish-zombie": _publish_zombie, "join": _join, "broker": _broker,
           "cut": _cut}
