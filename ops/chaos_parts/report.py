# SPDX-License-Identifier: Apache-2.0
"""What a run has shown, as text and as JSON."""

import json
from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from .faults import KINDS
from .observer import POLL_SECONDS, Recovery
from .verify import Verdict

HEARTBEAT_MS = 3000


@dataclass
class Leg:
    """One topology's run and its verdicts."""

    topology: str
    faults: list[dict] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    recoveries: list[Recovery] = field(default_factory=list)
    shard_stages: set[str] = field(default_factory=set)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    shards: int = 0
    least_input: float = 0
    seconds: float = 0

    @property
    def is_clean(self) -> bool:
        return bool(self.verdicts) and not self.problems and all(one.is_clean for one in self.verdicts.values())

    def total(self) -> Verdict:
        """All streams together."""
        sum_ = Verdict()
        for verdict in self.verdicts.values():
            sum_.add(verdict)
        return sum_

    def recovery(self, shards: bool, alone: bool) -> list[float]:
        """Seconds from a kill to the next commit, of the stages that write shards or of the others.

        `alone` leaves out kills that came upon another fault, and those upon which another came before the commit.
        """
        return [one.seconds for one in self.recoveries
                if one.seconds is not None and (one.task[0] in self.shard_stages) == shards
                and not (alone and self._is_disturbed(one))]

    def _is_disturbed(self, recovery: Recovery) -> bool:
        return any(fault["overlaps"] if fault["number"] == recovery.fault
                   else recovery.killed < fault["moment"] < recovery.killed + recovery.seconds for fault in self.faults)


@dataclass
class Report:
    """All legs of a command."""

    seed: int
    binary: str
    narrations: int = 0
    session_timeout: int = 0
    commit_seconds: float = 0
    broker_restarts: int = 0
    seconds: float = 0
    legs: list[Leg] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return bool(self.legs) and not self.problems and all(leg.is_clean for leg in self.legs)

    def json(self) -> str:
        legs = []
        for leg in self.legs:
            total = leg.total()
            legs.append({
                "topology": leg.topology, "faults": leg.faults, "by_kind": _by_kind(leg.faults),
                "hits": dict(leg.counts), "records": _numbers(total),
                "samples": _numbers(leg.verdicts.get("samples", Verdict())),
                "streams": {name: _numbers(one) for name, one in leg.verdicts.items()},
                "shards": leg.shards, "unlisted_files": len(leg.unlisted),
                "recovery": {"topics": _spread(leg.recovery(False, False)),
                             "shards": _spread(leg.recovery(True, False)),
                             "topics_alone": _spread(leg.recovery(False, True)),
                             "shards_alone": _spread(leg.recovery(True, True))},
                "least_input_left": round(leg.least_input, 3), "seconds": round(leg.seconds, 1),
                "problems": leg.problems + total.problems})
        return json.dumps({
            "seed": self.seed, "passed": self.is_clean, "binary": self.binary, "narrations": self.narrations,
            "faults": sum(len(leg.faults) for leg in self.legs),
            "by_kind": _by_kind([fault for leg in self.legs for fault in leg.faults]),
            "session_timeout_ms": self.session_timeout, "heartbeat_ms": self.heartbeat,
            "commit_seconds": self.commit_seconds, "broker_restarts": self.broker_restarts,
            "seconds": round(self.seconds, 1), "problems": self.problems, "legs": legs}, indent=2)

    @property
    def heartbeat(self) -> int:
        return min(HEARTBEAT_MS, self.session_timeout // 3)

    def text(self) -> str:
        faults = [fault for leg in self.legs for fault in leg.faults]
        lines = [f"chaos: seed {self.seed}, {len(faults)} faults, {self.narrations:,} narrations, "
                 f"{self.broker_restarts} broker restarts, {self.seconds:.0f} s"]
        lines += [f"  {kind:15} {count:4}  {KINDS[kind]}" for kind, count in _by_kind(faults).items()]
        for leg in self.legs:
            lines += self._leg(leg)
        lines += [f"problem: {problem}" for problem in self.problems]
        lines.append("every expected record and sample is there once and in order" if self.is_clean else "FAILED")
        return "\n".join(lines)

    def _leg(self, leg: Leg) -> list[str]:
        lines = [f"{leg.topology}: {len(leg.faults)} faults in {leg.seconds:.0f} s, {leg.shards} shards, "
                 f"{leg.least_input:.0%} of the input left at the last fault, {len(leg.unlisted)} unlisted files left"]
        lines += [f"  {what}: {count}" for what, count in sorted(leg.counts.items())]
        for name, one in leg.verdicts.items():
            lines.append(f"  {name}: {one.expected:,} expected, lost {one.lost}, duplicated {one.duplicated}, foreign "
                         f"{one.foreign}, out of order {one.out_of_order} ({one.keys_out_of_order} within a key)")
        for shards, what in ((False, "stages that write topics"), (True, "stages that write shards")):
            if all_ := leg.recovery(shards, False):
                lines.append(
                    f"  recovery after SIGKILL, {what}: {_words(all_)}; without another fault meanwhile: "
                    f"{_words(leg.recovery(shards, True))} (session timeout {self.session_timeout} ms, heartbeat "
                    f"{self.heartbeat} ms, commit every {self.commit_seconds} s, seen every {POLL_SECONDS} s)")
        lines += [f"  problem: {problem}" for problem in leg.problems + leg.total().problems]
        return lines


def _by_kind(faults: list[dict]) -> dict[str, int]:
    counts = Counter(fault["kind"] for fault in faults)
    return {kind: counts[kind] for kind in KINDS if counts[kind]}


def _numbers(verdict: Verdict) -> dict:
    return {"expected": verdict.expected, "lost": verdict.lost, "duplicated": verdict.duplicated,
            "foreign": verdict.foreign, "out_of_order": verdict.out_of_order,
            "keys_out_of_order": verdict.keys_out_of_order}


def _spread(values: list[float]) -> dict | None:
    if not values:
        return None
    return {"tasks": len(values), "median_seconds": round(median(values), 2), "worst_seconds": round(max(values), 2)}


def _words(values: list[float]) -> str:
    if not values:
        return "none"
    return f"median {median(values):.1f} s, worst {max(values):.1f} s of {len(values)} tasks"
