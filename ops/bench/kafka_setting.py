# SPDX-License-Identifier: Apache-2.0
"""What the Kafka figures are measured in: a broker of their own, processes ended by their ids, and the machine."""

import os
import platform
import resource
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TEST_TOOLS = f"{ROOT}/.build/test-tools/bin"
PARTITIONS = 4
# The broker is noida-db; what is started inherits this.
os.environ["MILLRACE_KAFKA_MILLRACE_BROKER_QUIRKS"] = "true"
# As Millrace makes its topics.
TOPIC = {"retention.ms": "-1", "message.timestamp.type": "LogAppendTime"}


def program(name):
    return f"{os.environ['BENCH_TOOLS']}/{name}"


def millrace():
    return os.environ["MILLRACE"]


def say(text=""):
    print(text, flush=True)


def median(values):
    return statistics.median(values)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Broker:
    """A broker on a free port with an empty folder; it is a script and the program that the script starts."""

    def __enter__(self):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="millrace-bench-")
        self.address = f"127.0.0.1:{self.port}"
        self.log = open(f"{self.folder}/broker.log", "wb")
        self.script = subprocess.Popen(
            [f"{TEST_TOOLS}/noida-db", "start", "--only", "kafka", "--kafka-port", str(self.port), "--data-dir",
             f"{self.folder}/broker"],
            stdout=self.log, stderr=self.log, start_new_session=True)
        self.pids = [self.script.pid]
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait(self):
        from confluent_kafka.admin import AdminClient

        deadline = time.time() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                if time.time() > deadline or self.script.poll() is not None:
                    sys.exit(f"the broker did not start: {open(self.log.name).read()}")
                time.sleep(0.1)
        self.pids += children(self.script.pid)
        # Quiet, because it sees the broker go.
        self.admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def __exit__(self, *_):
        for process in RUNNING:
            end(process)
        for pid in reversed(self.pids):
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            self.script.wait(30)
        except subprocess.TimeoutExpired:
            for pid in reversed(self.pids):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.script.wait()
        # The program may outlive its script by a moment, and still write.
        deadline = time.time() + 20
        while time.time() < deadline and any(os.path.exists(f"/proc/{pid}") for pid in self.pids):
            time.sleep(0.1)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cpu(self):
        return sum(cpu_seconds(pid) for pid in self.pids)

    def create(self, *names):
        from confluent_kafka.admin import NewTopic

        topics = [NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=TOPIC) for name in names]
        for done in self.admin.create_topics(topics).values():
            done.result()

    def delete(self, *names):
        for done in self.admin.delete_topics(list(names)).values():
            done.result()

    def offsets(self, group, topic):
        """A reader of what a group has committed: a call gives the sum over the partitions."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group, "enable.auto.commit": False})
        wanted = [TopicPartition(topic, number) for number in range(PARTITIONS)]

        def committed():
            return sum(max(0, one.offset) for one in consumer.committed(wanted, timeout=30))

        return committed, consumer.close


RUNNING = []


def start(command, **options):
    """Starts a process that does not outlive the broker."""
    process = subprocess.Popen([str(word) for word in command], **options)
    RUNNING[:] = [one for one in RUNNING if one.poll() is None] + [process]
    return process


def end(process, patience=30):
    """Asks a process that is ours to end, and makes it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class CPU:
    """The processor seconds of the processes that ended since."""

    def __init__(self):
        self.before = self.now()

    @staticmethod
    def now():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def seconds(self):
        return self.now() - self.before


def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def introduce(peers=()):
    import confluent_kafka

    # So that what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say("$ ops/bench/kafka " + shlex.join(sys.argv[1:]))
    say(f"machine    {os.cpu_count()} cores, {processor()}; load {os.getloadavg()[0]:.2f} at the start; the "
        "broker, both sides and this script share it")
    version = subprocess.run([millrace(), "--version"], capture_output=True, text=True).stdout.strip()
    query = ["dpkg-query", "-W", "-f=${Version}", "librdkafka1"]
    library = subprocess.run(query, capture_output=True, text=True).stdout
    broker = subprocess.run([f"{TEST_TOOLS}/pip", "show", "noida-db"], capture_output=True, text=True).stdout
    number = next((line.split()[1] for line in broker.splitlines() if line.startswith("Version")), "?")
    compiler = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    say(f"versions   millrace {version}; librdkafka {library or '?'}; noida-db {number}; gcc {compiler}; "
        f"confluent-kafka {confluent_kafka.__version__}" + "".join(f"; {peer}" for peer in peers))
