# SPDX-License-Identifier: Apache-2.0
"""The figures of Millrace on Kafka; `ops/bench/kafka` prepares what this needs and starts it."""

import argparse
import json
import os
import subprocess
import sys
import time

from kafka_setting import (
    CPU, HERE, PARTITIONS, ROOT, Broker, end, free_port, introduce, median, millrace, program, say, start)

RELAY = """name: {name}
partitions: {partitions}
stages:
  relay:
    from: {source}
    steps: []
    to: {target}
{commit}"""
# Raised so that the time alone decides when to commit.
COMMIT = "    commit: {{ seconds: {seconds}, records: 10000000, bytes: 1073741824 }}\n"


def relay_topology(folder, name, source, target, seconds=None):
    """A topology of one stage without steps; `seconds` of `None` leaves the commit as it is by default."""
    path = f"{folder}/{name}.yaml"
    commit = COMMIT.format(seconds=seconds) if seconds else ""
    with open(path, "w") as file:
        file.write(RELAY.format(name=name, partitions=PARTITIONS, source=source, target=target, commit=commit))
    return path


# The broker of the tests answers a fetch with all that there is, whatever the limits say.
RECEIVE = "receive.message.max.bytes=1000000000"


def run_relay(broker, path, *options, **more):
    command = [millrace(), "run", path, "--log", f"kafka://{broker.address}", "--home", f"{broker.folder}/home",
               "--log-level", "error", "--kafka-property", RECEIVE, *options]
    return start(command, **more)


# MARK: passthrough


def measure(broker, group, count, process):
    """Follows what a group commits until it has all; the seconds from the start, and from the first commit seen."""
    began = time.time()
    committed, close = broker.offsets(group, "in")
    first = None
    while True:
        done = committed()
        now = time.time()
        if done and not first:
            first = (now, done)
        if done >= count:
            break
        if process.poll() is not None and committed() < count:
            sys.exit(f"ended with status {process.returncode} at {done:,} of {count:,} records")
        if now - began > 600:
            sys.exit(f"stopped at {done:,} of {count:,} records")
        time.sleep(0.05)
    close()
    process.wait()
    steady = (count - first[1]) / (now - first[0]) if now > first[0] else float("nan")
    return count / (now - began), steady


def passthrough(options):
    introduce()
    say(f"settings   {PARTITIONS} partitions; a transactional producer and a read_committed consumer for each; "
        f"{options.threads} threads; commit every {options.commit_ms} ms")
    say("           zstd, batch.size 1,000,000, linger.ms 5, queued.max.messages.kbytes 16,384, fetch.wait.max.ms 100, "
        f"check.crcs, {RECEIVE}, the rest librdkafka's defaults; the same on both sides")
    with Broker() as broker:
        broker.create("in")
        subprocess.run([program("kafka_load"), "fill", broker.address, "in", str(PARTITIONS), str(options.records)],
                       check=True)
        say(f"input      {options.records:,} records of 1,024 bytes, each JSON of words and numbers; key: a UUID")
        rates = {side: [] for side in options.sides}
        for round_ in range(1, options.rounds + 1):
            for side in options.sides if round_ % 2 else reversed(options.sides):
                rates[side].append(one_passthrough(broker, side, round_, options))
        for side, values in rates.items():
            say(f"median     {RELAYS[side]:16}{median(values):>9,.0f} records/s")
        if len(rates) == 2:
            ratio = median(rates["millrace"]) / median(rates["c"])
            say(f"ratio      Millrace has {ratio:.0%} of the rate of librdkafka in C")


RELAYS = {"c": "librdkafka in C", "millrace": "Millrace"}


def one_passthrough(broker, side, round_, options):
    name = f"{side}-{round_}"
    broker.create(name)
    cpu, broker_cpu = CPU(), broker.cpu()
    if side == "c":
        group = name
        process = start(
            [program("kafka_relay"), broker.address, "in", name, PARTITIONS, group, options.commit_ms],
            stdout=subprocess.PIPE, text=True)
    else:
        path = relay_topology(broker.folder, f"relay-{round_}", "in", name, options.commit_ms / 1000)
        group = f"relay-{round_}.relay"
        process = run_relay(
            broker, path, "--until-idle", "--json", "--threads", options.threads, stdout=subprocess.DEVNULL)
    rate, steady = measure(broker, group, options.records, process)
    used, broker_used = cpu.seconds(), broker.cpu() - broker_cpu
    million = options.records / 1e6
    check(broker, name, options)
    say(f"round {round_}    {RELAYS[side]:16}{rate:>9,.0f} records/s to the last commit, "
        f"{steady:>9,.0f} from the first; processor seconds a million records: {used / million:.1f}, "
        f"the broker's {broker_used / million:.1f}; load {os.getloadavg()[0]:.1f}")
    broker.delete(name)
    return rate


def check(broker, name, options):
    """The output holds what the input does: as many records, and of a thousandth of them the bytes."""
    from confluent_kafka import Consumer, TopicPartition

    settings = {"bootstrap.servers": broker.address, "group.id": "check", "enable.auto.commit": False,
                "isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "earliest",
                **dict([RECEIVE.split("=")])}

    def look(topic):
        consumer = Consumer(settings)
        consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        counts, ends, sample = [0] * PARTITIONS, 0, []
        while ends < PARTITIONS:
            for message in consumer.consume(10_000, 5):
                if message.error():
                    ends += 1
                    continue
                if counts[message.partition()] % 1000 == 0:
                    sample.append((message.partition(), counts[message.partition()], message.key(), message.value()))
                counts[message.partition()] += 1
        consumer.close()
        return counts, sorted(sample)

    if not hasattr(options, "expected"):
        options.expected = look("in")
    if look(name) != options.expected:
        sys.exit(f"{name} does not hold what `in` does")


# MARK: naq


def naq(options):
    from confluent_kafka import Consumer, TopicPartition  # noqa: F401: fails early where it is missing

    introduce(["quixstreams 3.28.0", "bytewax 0.21.1"])
    with Broker() as broker:
        world = f"{broker.folder}/world"
        subprocess.run([millrace(), "sample", "--output", world, "--videos", str(options.videos), "--no-features"],
                       check=True, stdout=subprocess.DEVNULL)
        written = subprocess.run(
            [millrace(), "ingest", "ego4d", "--log", f"kafka://{broker.address}", "--home", f"{broker.folder}/home",
             "--narrations", f"{world}/narration.json", "--metadata", f"{world}/ego4d.json", "--exclude",
             f"{world}/nlq_val.json", "--exclude", f"{world}/nlq_test_unannotated.json", "--pass", "both", "--json"],
            check=True, capture_output=True, text=True)
        count = json.loads(written.stdout)["narrations"]
        say(f"input      {count:,} narrations of {options.videos:,} videos, both passes, in {PARTITIONS} partitions")
        say("rate       narrations / seconds from the start of the first process to the last sample on disk")
        rates, samples = {}, {}
        for round_ in range(1, options.rounds + 1):
            for processes in options.processes:
                for side in options.sides:
                    found, seconds, used = SIDES[side](broker, f"{side}-{processes}-{round_}", processes, options)
                    samples.setdefault(side, set()).add(found)
                    rates.setdefault((side, processes), []).append(count / seconds)
                    say(f"round {round_}    {NAMES[side]:40}{processes} process{'es' if processes > 1 else '  '} "
                        f"{count / seconds:>9,.0f} narrations/s  {found:,} samples, {seconds:.2f} s, "
                        f"{used / count * 1e6:.1f} processor seconds a million; load {os.getloadavg()[0]:.1f}")
        expected = max(found for counts in samples.values() for found in counts)
        for side, counts in samples.items():
            if counts != {expected}:
                say(f"samples    {NAMES[side]}: {sorted(counts)} samples, where {expected} were due")
        for (side, processes), values in rates.items():
            ours, ratio = rates.get(("millrace", processes)), ""
            if ours and side != "millrace":
                ratio = f"; Millrace is {median(ours) / median(values):.1f} times as fast"
            say(f"median     {NAMES[side]:40}{processes} process{'es' if processes > 1 else '  '} "
                f"{median(values):>9,.0f} narrations/s{ratio}")
        if samples.get("millrace", {expected}) != {expected}:
            sys.exit("Millrace gave another number of samples")


NAMES = {
    "millrace": "Millrace, exactly once",
    "quix-memory": "Quix Streams, at least once, in memory",
    "quix-exactly-once": "Quix Streams, exactly once",
    "bytewax-memory": "Bytewax, no recovery, in memory",
    "bytewax-recoverable": "Bytewax, recoverable",
}


def naq_millrace(broker, name, processes, options):
    """Both processes end by themselves once every stage has committed to its input's end, which counts too."""
    with open(f"{ROOT}/topologies/naq.yaml") as file:
        topology = file.read().replace("name: naq\n", f"name: {name}\n").replace("shards: naq,", f"shards: {name},")
    path = f"{broker.folder}/{name}.yaml"
    with open(path, "w") as file:
        file.write(topology)
    cpu, began = CPU(), time.time()
    home = f"{broker.folder}/home"
    running = [run_relay(broker, path, "--until-idle", "--json", stdout=subprocess.DEVNULL) for _ in range(processes)]
    for process in running:
        if process.wait() != 0:
            sys.exit(f"{name} ended with status {process.returncode}")
    seconds = time.time() - began
    listed = subprocess.run(
        [millrace(), "shards", "list", "--json", "--log", f"kafka://{broker.address}", "--home", home], check=True,
        capture_output=True, text=True)
    sets = [json.loads(line) for line in listed.stdout.splitlines()]
    samples = next(one["samples"] for one in sets if one["name"] == name)
    return samples, seconds, cpu.seconds()


def peer(name):
    return f"{os.environ['BENCH_TOOLS']}/peers/bin/{name}"


def naq_quix(form):
    def run(broker, name, processes, options):
        cpu, began = CPU(), time.time()
        running = []
        for number in range(processes):
            folder = f"{broker.folder}/{name}.{number}"
            os.makedirs(folder)
            running.append(start(
                [peer("python"), "-W", "ignore", f"{HERE}/kafka_naq_quix.py", broker.address, folder, name, form],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        results = []
        for process in running:
            output, errors = process.communicate()
            if process.returncode != 0:
                sys.exit(f"{name} ended with status {process.returncode}: {errors}")
            results.append(json.loads(output.splitlines()[-1]))
        seconds = max(result["ended"] for result in results) - began
        return sum(result["samples"] for result in results), seconds, cpu.seconds()

    return run


def naq_bytewax(form):
    def run(broker, name, processes, options):
        folder = f"{broker.folder}/{name}"
        os.makedirs(folder)
        environment = dict(os.environ, NAQ_BROKERS=broker.address, NAQ_OUTPUT=folder, NAQ_FORM=form, PYTHONPATH=HERE)
        command = [peer("python"), "-W", "ignore", "-m", "bytewax.run", "kafka_naq_bytewax"]
        if form == "recoverable":
            recovery = f"{folder}/recovery"
            os.makedirs(recovery)
            subprocess.run([peer("python"), "-m", "bytewax.recovery", recovery, str(processes)], check=True)
            command += ["-r", recovery, "-s", "10", "-b", "0"]
        addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(processes))
        cpu, began = CPU(), time.time()
        running = []
        for number in range(processes):
            several = ["-i", number, "-a", addresses] if processes > 1 else []
            running.append(start(command + several, env=environment, stdout=subprocess.DEVNULL))
        for process in running:
            if process.wait() != 0:
                sys.exit(f"{name} ended with status {process.returncode}")
        seconds = time.time() - began
        import zstandard

        samples = 0
        for file_name in os.listdir(folder):
            if file_name.endswith(".zst"):
                with open(f"{folder}/{file_name}", "rb") as file:
                    reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
                    while chunk := reader.read(1 << 20):
                        samples += chunk.count(b"\n")
        return samples, seconds, cpu.seconds()

    return run


SIDES = {
    "millrace": naq_millrace,
    "quix-memory": naq_quix("memory"),
    "quix-exactly-once": naq_quix("exactly-once"),
    "bytewax-memory": naq_bytewax("memory"),
    "bytewax-recoverable": naq_bytewax("recoverable"),
}


# MARK: latency


def latency(options):
    introduce()
    say(f"settings   {options.rate:,} records/s of 1,024 bytes at even intervals over {PARTITIONS} partitions, sender "
        "with linger.ms 0, consumer")
    say(f"           read_committed with librdkafka's defaults; {options.records:,} records counted after "
        f"{options.warm_up:,} that are not")
    cases = [("the input topic itself, no relay", None, None)]
    cases += [(f"Millrace, commit: {{ seconds: {value} }}", "millrace", value) for value in options.seconds]
    cases += [("Millrace, no commit: given (1 s)", "millrace", None)]
    cases += [(f"librdkafka in C, commit every {options.c_commit_ms} ms", "c", options.c_commit_ms)]
    say(f"{'':44}{'p50':>9}{'p90':>9}{'p99':>9}{'p99.9':>9}{'max':>9}  ms")
    with Broker() as broker:
        for number, (name, side, value) in enumerate(cases):
            times = one_latency(broker, number, side, value, options)
            shown = [times[int((len(times) - 1) * share)] / 1000 for share in (0.5, 0.9, 0.99, 0.999, 1)]
            say(f"{name:44}" + "".join(f"{value:>9.1f}" for value in shown) + f"  load {os.getloadavg()[0]:.1f}")


def one_latency(broker, number, side, value, options):
    source, target = f"from-{number}", f"to-{number}" if side else f"from-{number}"
    broker.create(*{source, target})
    relay = None
    if side == "c":
        relay = start([program("kafka_relay"), broker.address, source, target, PARTITIONS, source, value, "follow"],
                      stdout=subprocess.DEVNULL)
    elif side:
        relay = run_relay(broker, relay_topology(broker.folder, source, source, target, value),
                          stdout=subprocess.DEVNULL)
    try:
        total = options.warm_up + options.records
        receiver = start([program("kafka_load"), "receive", broker.address, target, PARTITIONS, total],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        receiver.stderr.readline()
        time.sleep(5)
        if relay and relay.poll() is not None:
            end(receiver)
            sys.exit(f"the relay ended with status {relay.returncode}")
        sender = start([program("kafka_load"), "send", broker.address, source, PARTITIONS, total, options.rate])
        lines = receiver.communicate()[0].split()
        if sender.wait() != 0 or receiver.returncode != 0 or len(lines) != total:
            sys.exit(f"{len(lines):,} of {total:,} records came")
        if relay and relay.poll() is not None:
            sys.exit(f"the relay ended with status {relay.returncode}")
    finally:
        if relay:
            end(relay)
    return sorted(int(line) for line in lines[options.warm_up:])


# MARK: the command


def main():
    parser = argparse.ArgumentParser(prog="ops/bench/kafka", description="The figures of Millrace on Kafka.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("passthrough", help="records of 1 KB through, against librdkafka alone in C")
    one.add_argument("--records", type=int, default=1_500_000, help="records in the topic (default 1,500,000)")
    one.add_argument("--rounds", type=int, default=3, help="how often each side runs (default 3)")
    one.add_argument("--commit-ms", type=int, default=100, help="milliseconds between commits (default 100)")
    one.add_argument("--threads", type=int, default=PARTITIONS, help="Millrace's; C has one a partition (default 4)")
    one.add_argument("--sides", nargs="+", choices=list(RELAYS), default=list(RELAYS), help="who runs (default both)")
    one = commands.add_parser("naq", help="naq.yaml, against Quix Streams and Bytewax")
    one.add_argument("--videos", type=int, default=2000, help="videos, of 250 narrations each (default 2,000)")
    one.add_argument("--rounds", type=int, default=3, help="how often each side runs (default 3)")
    one.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="with how many processes (default 1 2)")
    one.add_argument("--sides", nargs="+", choices=list(SIDES), default=list(SIDES), help="who runs (default all)")
    one = commands.add_parser("latency", help="end to end at a steady rate")
    one.add_argument("--rate", type=int, default=1000, help="records a second (default 1,000)")
    one.add_argument("--records", type=int, default=60_000, help="records counted for each setting (default 60,000)")
    one.add_argument("--warm-up", type=int, default=5000, help="records not counted, first (default 5,000)")
    one.add_argument("--seconds", type=float, nargs="*", default=[0.02, 0.1], help="commit seconds (default 0.02 0.1)")
    one.add_argument("--c-commit-ms", type=int, default=100, help="the C relay's milliseconds (default 100)")
    options = parser.parse_args()
    {"passthrough": passthrough, "naq": naq, "latency": latency}[options.command](options)


if __name__ == "__main__":
    main()
