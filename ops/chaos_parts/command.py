# SPDX-License-Identifier: Apache-2.0
"""The command line of ops/chaos."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import faults, selftest, standin_test
from .broker import Broker
from .proxy import Proxies
from .report import Leg, Report
from .run import NotLive, RanDry, Run
from .verify import Outcome, compare, compare_outcomes, read_kafka, read_manifest, read_shards
from .workers import Plant, build_slow_rename
from .world import COMMIT_SECONDS, OUTPUTS, PARTITIONS, STAGES, Millrace, World

SECONDS_PER_FAULT = 11
RATE = 50  # source records a second and process, where the number of narrations is ours to choose

EXAMPLES = """\
examples:
  ops/chaos                                           20 faults, seed drawn
  ops/chaos --seed 7 --faults 200 --narrations 100000
  ops/chaos --faults 4 --kinds kill,broker --topologies naq --keep /tmp/chaos
  ops/chaos --self-test                               the verifier finds doctored results, former owners are fenced

faults:
""" + "\n".join(f"  {kind:15} {what}" for kind, what in faults.KINDS.items()) + """

exit codes: 0 everything landed once and in order; 1 not, or the run stood still; 2 nothing was shown: bad usage, or the
input ended before the last fault"""


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "ops/chaos", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=EXAMPLES,
        description="Runs topologies in three processes on a Kafka broker of its own, makes faults drawn from a seed,\n"
        "and shows with an independent reader that every expected record and sample landed once and in order.")
    parser.add_argument("--seed", type=int, help="what the faults are drawn from (drawn itself by default)")
    parser.add_argument("--faults", type=int, default=20, help="how many, over all topologies (default: 20)")
    parser.add_argument("--narrations", type=int, help="at least so many (default: enough for the faults)")
    parser.add_argument("--binary", type=Path, help="millrace (default: of .build/release, or else of .build/debug)")
    parser.add_argument("--topologies", default=",".join(STAGES), help="which, by commas (default: %(default)s)")
    parser.add_argument("--kinds", default=",".join(faults.KINDS), help="kinds of faults, by commas (default: all)")
    parser.add_argument("--session-timeout", type=int, default=6000, metavar="MS", help="the workers' (default: 6000)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep everything in a new folder")
    parser.add_argument("--self-test", action="store_true", help="show that the verifier finds doctored results, and that former owners are fenced")
    options = parser.parse_args(arguments)
    options.topologies, options.kinds = options.topologies.split(","), options.kinds.split(",")
    for given, known in ((options.topologies, STAGES), (options.kinds, faults.KINDS)):
        if unknown := [name for name in given if name not in known]:
            parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    if options.faults < len(options.topologies):
        parser.error("--faults wants at least one for each topology")
    if options.session_timeout < 1000:
        parser.error("--session-timeout wants at least 1000")
    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"--keep: {options.keep} is not empty")
    return options


def _self_test(broker: Path) -> int:
    unnoticed, unfenced = selftest.run(), standin_test.run(broker)
    print(f"{len(selftest.DOCTORINGS)} doctored results, {len(unnoticed)} unnoticed; "
          f"{len(standin_test.CASES)} former owners, {len(unfenced)} not fenced")
    return 1 if unnoticed or unfenced else 0


def main(root: Path) -> int:
    options = parse(sys.argv[1:])
    broker = next((path for path in (Path(sys.executable).parent, root / ".build" / "test-tools" / "bin")
                   if (path / "noida-db").exists()), None)
    if broker is None:
        return _usage("there is no broker: run ops/setup --tests")
    broker /= "noida-db"
    if options.self_test:
        return _self_test(broker)
    binary = options.binary or next(
        (path for kind in ("release", "debug") if (path := root / ".build" / kind / "millrace").exists()), None)
    if binary is None or not binary.exists():
        return _usage("there is no millrace to run: build it with `swift build`, or name it with --binary")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(3))
    chaos = Chaos(root, folder.resolve(), binary.resolve(), broker, seed, options)
    code = 1
    try:
        code = chaos.run()
    except KeyboardInterrupt:
        print(f"chaos: interrupted, seed {seed}", file=sys.stderr)
        code = 130
    finally:
        chaos.end()
        if code == 0 and options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"chaos: logs, broker data and shards are in {folder}", file=sys.stderr)
    return code


def _usage(text: str) -> int:
    print(f"chaos: {text}", file=sys.stderr)
    return 2


class Chaos:
    """One invocation: a world, a broker, and a run under faults for each topology."""

    def __init__(self, root: Path, folder: Path, binary: Path, broker: Path, seed: int, options: argparse.Namespace):
        self.folder, self.options = folder, options
        self.millrace = Millrace(binary)
        self.root = root
        self.broker = Broker(broker, folder / "broker", folder / "broker.log")
        self.proxies = Proxies(self.broker)
        self.report = Report(seed, str(binary), session_timeout=options.session_timeout, commit_seconds=COMMIT_SECONDS)
        self.running: Run | None = None

    def run(self) -> int:
        start = time.monotonic()
        names = self.options.topologies
        shares = [self.options.faults // len(names) + (place < self.options.faults % len(names))
                  for place in range(len(names))]
        # Until the input of the fastest partition ends: a process may have it alone.
        seconds = 20 + SECONDS_PER_FAULT * max(shares)
        narrations = self.options.narrations or PARTITIONS * RATE * seconds
        self.say(f"seed {self.report.seed}, {self.options.faults} faults; preparing {narrations:,} narrations")
        world = World(self.root, self.folder, self.millrace, narrations)
        quiet, home = self.folder / "expected", self.folder / "home"
        self.broker.start()
        self.report.narrations = world.ingest(quiet)
        world.ingest(home, "--log", f"kafka://{self.broker.address}")
        if not self._is_same_input(world, quiet):
            return 1
        codes = set()
        for place, name in enumerate(names):
            leg = Leg(name, shard_stages={list(STAGES[name])[-1]})
            self.report.legs.append(leg)
            plant = Plant(
                self.millrace.binary, world.topology(name), home, self.folder, self.options.session_timeout,
                self.report.narrations / PARTITIONS / seconds, build_slow_rename(self.root, self.folder),
                self.millrace.environment)
            plan = faults.draw(self.report.seed * 1000 + place, shares[place], self.options.kinds)
            codes.add(self._run_leg(leg, plant, plan, world.expected(quiet, name)))
        self.report.broker_restarts = self.broker.starts - 1
        self.report.seconds = time.monotonic() - start
        print(self.report.json() if self.options.json else self.report.text())
        return 1 if 1 in codes else max(codes)

    def _is_same_input(self, world: World, quiet: Path) -> bool:
        verdict = compare("narrations", world.read_embedded(quiet, "narrations"),
                          read_kafka(self.broker.address, "narrations"))
        for problem in verdict.problems:
            self.say(f"the ingested records differ before any fault: {problem}")
        return verdict.is_clean

    def _run_leg(self, leg: Leg, plant: Plant, plan: list[faults.Fault], expected: Outcome) -> int:
        start = time.monotonic()
        transactions = self.proxies.transactions
        refused, aborted = transactions.refused, transactions.aborted
        run = self.running = Run(plant, STAGES[leg.topology], self.broker, self.proxies)
        run.say(f"{len(plan)} faults, {plant.max_rate:.0f} records a second and process")
        logs = self.folder / f"{leg.topology}-last.log"
        try:
            run.make_faults(plan)
            run.say("the workers finish")
            run.dismiss_all()
        except RanDry as error:
            leg.problems.append(f"nothing is shown: {error}; give more --narrations")
            run.say(leg.problems[-1])
            return 2
        except NotLive as error:
            leg.problems.append(str(error))
            run.say(f"the run stands still: {error}")
            for worker in run.workers:
                leg.problems.append(f"{worker}, {worker.log}: {worker.last_words()}")
        finally:
            run.count("requests of former owners refused in Kafka's stead", transactions.refused - refused)
            run.count("transactions of former owners ended in Kafka's stead", transactions.aborted - aborted)
            leg.faults, leg.counts, leg.recoveries = run.made, run.counts, run.observer.recoveries
            leg.least_input = run.least_input
            leg.problems += run.problems
            for worker in [*run.workers, run.extra]:
                worker.end()
        run.heal()
        try:
            run.say(f"an undisturbed run ended after {run.finish(logs):.1f} s")
            self._verify(leg, plant, expected, run)
            before = self._sizes(leg.topology, plant)
            run.finish(logs)
            if (after := self._sizes(leg.topology, plant)) != before:
                leg.problems.append(f"a second run wrote more: {before} became {after}")
        except NotLive as error:
            leg.problems.append(str(error))
        run.end()
        leg.seconds = time.monotonic() - start
        return 0 if leg.is_clean else 1

    def _verify(self, leg: Leg, plant: Plant, expected: Outcome, run: Run) -> None:
        run.say("verifying")
        address = self.broker.address
        topics = {topic: read_kafka(address, topic) for topic in OUTPUTS[leg.topology]}
        shards = read_shards(plant.home / "shards" / leg.topology, read_manifest(address, leg.topology))
        leg.verdicts = compare_outcomes(expected, Outcome(topics, shards))
        leg.shards, leg.unlisted = len(shards.shards), shards.unlisted

    def _sizes(self, name: str, plant: Plant) -> dict[str, int]:
        """Committed records by topic, and listed shards."""
        address = self.broker.address
        sizes = {topic: sum(map(len, read_kafka(address, topic).values())) for topic in OUTPUTS[name]}
        return sizes | {f"shards.{name}": len(read_manifest(address, name))}

    def say(self, text: str) -> None:
        print(f"chaos: {text}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Ends every process that was started."""
        if self.running is not None:
            self.running.end()
        self.broker.stop()
        self.proxies.stop()
