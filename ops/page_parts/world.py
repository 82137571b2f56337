# SPDX-License-Identifier: Apache-2.0
"""A sample world with hostile narrations, a model that repeats them, and a run with a status page."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Markup, a script, an escape that retitles a terminal, colours, an override of direction, and a tag that hides.
HOSTILE = ("<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
           " \u001b]0;owned\u0007\u001b[31m \u202egnp.exe\u202c \u2066x \U000e0041 </textarea>'\"><svg onload=alert(1)>")
SHOWN = ["<img src=x onerror=\"document.title='owned'\">", "<script>document.title='owned'</script>", "\\u{1b}]0;owned",
         "\\u{1b}[31m", "\\u{202e}gnp.exe\\u{202c}", "\\u{2066}x", "\\u{e0041}", "<svg onload=alert(1)>"]
# Validators that let the model's questions pass, but for the words of narrators.
LENIENT = ("{ first-word: off, markup: false, answer-leak: false, not-grounded: false, wrong-narration: false, "
           "unknown-template: false, duplicate-in-clip: off, near-duplicate: 0, repeats-in-video: 0, maximum-words: 1000 }")


class Model(BaseHTTPRequestHandler):
    """A model server: a question for each note, every fourth of them with a word that only narrators use; some blocks are
    too long for it."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, code, value):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.send(404, {"error": {"message": "no such page"}})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = request["messages"][-1]["content"]
        prompt = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
        if prompt.endswith("about the sea."):
            answer = {"colour": "teal"}
        elif prompt == "Say OK.":
            answer = None
        elif len(prompt) % 5 == 0:
            return self.send(400, {"error": {"message": f"the maximum context length is 8 tokens {HOSTILE}",
                                             "type": "invalid_request_error", "code": "context_length_exceeded"}})
        else:
            answer = {"queries": [self.query(int(number), text)
                                  for number, text in re.findall(r"^\[(\d+)\] (.*)$", prompt, re.MULTILINE)]}
        self.send(200, {"id": "x", "object": "chat.completion", "model": "m-1", "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": json.dumps(answer) if answer else "OK"}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}})

    @staticmethod
    def query(number, text):
        words = "the person " * (number % 4 == 0) + text.replace("?", "")
        return {"narration_ids": [number], "template": "Objects: What X is Y?", "query": f"What happened when {words}?"}


class World:
    """The world in a folder, ingested; `start` runs a topology on it with a page."""

    def __init__(self, millrace, root, folder):
        self.millrace, self.root, self.folder = millrace, root, folder
        self.model = ThreadingHTTPServer(("127.0.0.1", 0), Model)
        threading.Thread(target=self.model.serve_forever, daemon=True).start()
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("MILLRACE_")} | {
            "MILLRACE_HOME": str(folder / "home"), "LLM_PROVIDER": "openai", "LLM_MODEL": "m-1",
            "LLM_BASE_URL": f"http://127.0.0.1:{self.model.server_port}/v1"}
        self.process = None
        world = folder / "world"
        self.call("sample", "--output", world, "--videos", 4)
        self.spoil(world / "narration.json")
        self.call("ingest", "ego4d", "--narrations", world / "narration.json", "--metadata", world / "ego4d.json",
                  "--exclude", world / "nlq_val.json", "--exclude", world / "nlq_test_unannotated.json",
                  "--features", world / "features")
        self.topology = self.lenient()

    def call(self, *arguments):
        done = subprocess.run([self.millrace, *map(str, arguments)], env=self.environment, capture_output=True, text=True,
                              timeout=120)
        if done.returncode:
            raise SystemExit(f"page-test: millrace {arguments[0]} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    @staticmethod
    def spoil(path):
        """Makes narrations hostile, and some unusable, so that there are dead letters."""
        videos = json.loads(path.read_text())
        for video in videos.values():
            for name, narrations in video.items():
                if not name.startswith("narration_pass"):
                    continue
                for index, narration in enumerate(narrations["narrations"]):
                    if index % 5 == 1:
                        narration["narration_text"] += f" {HOSTILE}"
                    if index % 60 == 59:
                        narration["timestamp_sec"] = -narration["timestamp_sec"]
        path.write_text(json.dumps(videos))

    def lenient(self):
        """`nlq.yaml` with lenient validators, and shards that are closed soon."""
        text = (self.root / "topologies/nlq.yaml").read_text()
        for old, new in [("validate: {}", f"validate: {LENIENT}"),
                         ("shards: nlq, compression: zstd }", "shards: nlq, compression: zstd, rotate: { seconds: 2 } }"),
                         ("prompts/nlq.txt", f"{self.root}/topologies/prompts/nlq.txt")]:
            if old not in text:
                raise SystemExit(f"page-test: nlq.yaml is written another way: no place for {new}")
            text = text.replace(old, new)
        path = self.folder / "nlq.yaml"
        path.write_text(text)
        return path

    def start(self, address="127.0.0.1:0"):
        """Starts the run; the page's address."""
        log = self.folder / "run.log"
        with log.open("w") as stream:
            self.process = subprocess.Popen([self.millrace, "run", self.topology, "--http", address], env=self.environment,
                                            stdout=subprocess.DEVNULL, stderr=stream)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if found := re.search(r"at (http://127\.0\.0\.1:\d+)/", log.read_text()):
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"page-test: the run has no page:\n{log.read_text()[-3000:]}")

    def kill(self):
        """Ends the run at once, as a crash does."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(timeout=20)

    def close(self):
        self.kill()
        self.model.shutdown()
