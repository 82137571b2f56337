# SPDX-License-Identifier: Apache-2.0
"""A run under faults: three workers, a plan, and what has to happen between two faults."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from . import faults
from .broker import HOST, Broker, die_with_parent
from .expiry import Expiry
from .observer import Observer
from .proxy import Proxies
from .workers import Plant, Worker

WORKERS = 3
PATIENCE = 60  # seconds without a commit, with every fault healed, that are too many
LEAVE_PATIENCE = 45
PROBLEMS_MAX = 8  # workers that ended by themselves, after which a run is given up


class NotLive(Exception):
    """The run does not go on by itself although all faults are healed."""


class RanDry(Exception):
    """The input ended before the last fault: the run shows nothing."""


class Run:
    """One topology under faults."""

    def __init__(self, plant: Plant, stages: dict[str, str], broker: Broker, proxies: Proxies):
        self.plant, self.broker, self.transactions = plant, broker, proxies.transactions
        self.name = plant.topology.stem
        self.session_timeout = plant.session_timeout
        self.observer = Observer(broker.address, self.name, stages)
        self.expiry = Expiry(broker, self.observer, plant.session_timeout)
        self.workers = [Worker(number, plant, proxies.add(), self.expiry) for number in range(1, WORKERS + 1)]
        self.extra = Worker(WORKERS + 1, plant, proxies.add(), self.expiry)
        self.began = time.monotonic()
        self.healed_at = self.began
        self.counts: Counter = Counter()
        self.made: list[dict] = []
        self.problems: list[str] = []
        self.least_input = 1.0
        self._agenda: list[tuple[float, str, Callable[[], None], bool]] = []
        self._leaving: dict[Worker, float] = {}
        self._was_unstuck = False

    # Used by faults

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:7.1f} s  {self.name}  {text}", file=sys.stderr, flush=True)

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] += int(number)

    def later(self, seconds: float, text: str, action: Callable[[], None], heals: bool = True) -> None:
        """Does something in a while; until then the run is not healed."""
        self._agenda.append((time.monotonic() + seconds, text, action, heals))

    def dismiss(self, worker: Worker) -> None:
        """Asks a worker to leave, and expects it to within a time."""
        worker.process.send_signal(signal.SIGINT)
        self._leaving[worker] = time.monotonic() + LEAVE_PATIENCE

    def unlisted_shards(self, seconds: float = 0) -> set[str]:
        """Published files that the manifest does not list, nor comes to list within a time."""
        folder = self.plant.home / "shards" / self.name
        names = {path.name for path in folder.iterdir()} if folder.exists() else set()
        deadline = time.monotonic() + seconds
        return {name for name in names
                if not name.startswith(".") and not self.observer.is_listed(name, deadline - time.monotonic())}

    # Passing time

    @property
    def is_healed(self) -> bool:
        return not self._leaving and not any(heals for _, _, _, heals in self._agenda)

    def tick(self) -> None:
        """Does what is due, and looks for workers that ended by themselves and for tasks that do not go on."""
        now = time.monotonic()
        for entry in [entry for entry in self._agenda if entry[0] <= now]:
            self._agenda.remove(entry)
            entry[2]()
            if entry[1]:
                self.say(entry[1])
            if entry[3]:
                self.healed_at = time.monotonic()
        self._look_after_leaving(now)
        self._look_after_workers()
        if self.is_healed and now - self.healed_at > PATIENCE:
            if idle := self.observer.idle_tasks_since(now - PATIENCE):
                if self._unstick(now):
                    return
                raise NotLive(f"no commit for {PATIENCE} s, with all faults healed, of {idle}; "
                              f"{self.observer.groups()}")

    def _unstick(self, now: float) -> bool:
        """Restarts the broker, once, where its groups keep members whose processes are gone; whether it did.

        noida-db 0.2.3 was seen to wait for ever for a member that was killed while it joined, and to take no LeaveGroup
        for it; a Kafka coordinator ends such a wait by the rebalance timeout.
        """
        alive = {worker.pid for worker in [*self.workers, self.extra] if worker.process and worker.is_running}
        dead = {pid for _, _, pid in self.observer.members()} - alive
        if self._was_unstuck or not dead:
            return False
        self._was_unstuck, self.healed_at = True, now
        self.count("broker restarted because its groups waited for members that were gone")
        self.say(f"the broker's groups wait for {dead}, which are gone, {self.observer.groups()}: it is restarted")
        faults.restart_broker(self, 1.0)
        return True

    def _look_after_leaving(self, now: float) -> None:
        for worker, deadline in list(self._leaving.items()):
            code = worker.process.poll()
            if code is None and now < deadline:
                continue
            del self._leaving[worker]
            self.expiry.silence(worker.pid)
            self.healed_at = time.monotonic()
            if code is None:
                worker.kill()
                self._complain(f"{worker} did not leave within {LEAVE_PATIENCE} s of SIGINT and was killed")
            elif code == -signal.SIGINT and not worker.has_spoken():
                pass  # it was still starting, when nobody listens and the signal itself ends it: 130 to a shell
            elif code != 130:
                self._complain(f"{worker} ended with {code} after SIGINT:\n{worker.last_words()}")

    def _look_after_workers(self) -> None:
        """A worker that ended without having been killed is a fault of its own; it is started again."""
        for worker in [*self.workers, self.extra]:
            if worker in self._leaving or worker.process is None or worker.process.returncode is not None:
                continue
            if (code := worker.process.poll()) is not None:
                self.expiry.silence(worker.pid)
                self._complain(f"{worker} ended by itself with {code}:\n{worker.last_words()}")
                if worker is not self.extra:
                    self.later(1, f"{worker} starts again", worker.start)

    def _complain(self, problem: str) -> None:
        self.problems.append(problem)
        self.say(problem)
        if len(self.problems) >= PROBLEMS_MAX:
            raise NotLive(f"{PROBLEMS_MAX} workers ended as they should not")

    def pass_time(self, seconds: float) -> None:
        self.wait_until(lambda: False, seconds)

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Passes time until something is so; whether it came to be."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.tick()
            if condition():
                return True
            time.sleep(0.02)
        return False

    # The run

    def make_faults(self, plan: list[faults.Fault]) -> None:
        """Starts the workers and makes every fault, each on a run that is alive."""
        self.observer.start()
        for worker in self.workers:
            worker.start()
        self.healed_at = time.monotonic()
        self.await_life("the workers start")
        total = sum(self.observer.input_left().values())
        for fault in plan:
            self._await_turn(fault)
            left = self.observer.input_left()
            if sum(left.values()) <= 0:
                raise RanDry(f"the input had ended before fault {fault.number} of {len(plan)}")
            self.least_input = min(self.least_input, sum(left.values()) / max(1, total))
            start = time.monotonic()
            detail = faults.make(self, fault)
            self.made.append({"number": fault.number, "kind": fault.kind, "overlaps": fault.overlaps,
                              "seconds": round(start - self.began, 2), "moment": start, "detail": detail})
            self.say(f"fault {fault.number} of {len(plan)}: {fault.kind}: {detail} ({sum(left.values())} records left, "
                     f"{self.observer.shards()} shards)")
        self.await_life("all faults are healed", all_stages=True)
        self.wait_until(lambda: not self._agenda, 5)

    def _await_turn(self, fault: faults.Fault) -> None:
        if not fault.overlaps:
            self.await_life(f"fault {fault.number}")
        self.pass_time(fault.delay)

        def can_take_it() -> bool:
            running = sum(worker.is_running for worker in self.workers)
            if fault.kind == "join" and self.broker.process is not None:
                return self.extra.process is None or self.extra.process.poll() is not None
            if self.broker.process is None or any(worker.proxy.refusing for worker in self.workers):
                return fault.kind not in ("broker", "cut")
            # A transaction that a sleeper has begun would keep the broker from being stopped between transactions.
            return running == len(self.workers) if fault.kind == "broker" else running >= 2

        if not self.wait_until(can_take_it, PATIENCE):
            raise NotLive(f"fault {fault.number} found no worker that runs for {PATIENCE} s")

    def await_life(self, what: str, all_stages: bool = False) -> None:
        """Waits until all faults are healed and each task of the source, or of every stage, has committed since."""
        stages = None if all_stages else [self.observer.source_stage]

        def is_alive() -> bool:
            return (self.is_healed and all(worker.is_running for worker in self.workers)
                    and self.observer.polls > 0 and bool(self.observer.live_tasks() or self.made)
                    and not self.observer.idle_tasks_since(self.healed_at, stages))

        if not self.wait_until(is_alive, 3 * PATIENCE):
            raise NotLive(f"{what}: after {3 * PATIENCE} s still no commit of "
                          f"{self.observer.idle_tasks_since(self.healed_at, stages)}")

    def dismiss_all(self) -> None:
        """Has the workers finish by SIGINT; each must end with 130."""
        for worker in self.workers:
            self.dismiss(worker)
        self.wait_until(lambda: not self._leaving, LEAVE_PATIENCE + 5)

    def finish(self, log: Path) -> float:
        """Lets one undisturbed process run to the end of everything; the seconds it took."""
        start = time.monotonic()
        command = [
            *die_with_parent("KILL"), self.plant.binary, "run", self.plant.topology, "--until-idle", "--home",
            self.plant.home, "--log", f"kafka://{HOST}:{self.workers[0].proxy.port}", "--session-timeout",
            str(self.session_timeout)]
        with open(log, "ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                                       env=self.plant.environment, start_new_session=True)
        try:
            while (code := process.poll()) is None:
                time.sleep(0.05)
                now = time.monotonic()
                if now - max(start, self.observer.last_commit_of_all()) > PATIENCE:
                    raise NotLive(f"`run --until-idle` committed nothing for {PATIENCE} s and did not end, see {log}; "
                                  f"{self.observer.groups()}")
            if code != 0:
                raise NotLive(f"`run --until-idle` ended with {code}, see {log}:\n{log.read_text()[-1500:]}")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        return time.monotonic() - start

    def heal(self) -> None:
        """Takes back what a run that was given up has left broken."""
        if self.broker.process is None:
            self.broker.start()
        self.observer.go_on()
        self.transactions.holding = False
        for worker in [*self.workers, self.extra]:
            worker.proxy.mend()

    def end(self) -> None:
        """Kills what still runs."""
        for worker in [*self.workers, self.extra]:
            worker.end()
        self.expiry.stop()
        self.observer.stop()
