# SPDX-License-Identifier: Apache-2.0
"""A browser, driven by chromedriver with the WebDriver protocol over the standard library alone."""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--disable-background-networking", "--no-first-run", "--force-color-profile=srgb"]


class Missed(AssertionError):
    """Something that was waited for did not come."""


class Browser:
    """A headless Chromium with one page."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="millrace-page-")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       text=True)
        for line in self.driver.stdout:
            if found := re.search(r"successfully on port (\d+)", line):
                self.base = f"http://127.0.0.1:{found[1]}"
                break
        else:
            raise SystemExit("page-test: chromedriver did not start")
        options = {"args": ARGUMENTS + [f"--user-data-dir={self.profile}"]}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions": options}}})
        self.session = f"/session/{session['sessionId']}"

    def close(self):
        try:
            self.call("DELETE", self.session)
        except (OSError, AssertionError):
            pass
        self.driver.terminate()
        self.driver.wait(timeout=10)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.base + path, method=method, headers={"Content-Type": "application/json"},
            data=json.dumps(body or {}).encode() if method == "POST" else None)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()[:600]}") from None

    def do(self, method, path, body=None):
        return self.call(method, self.session + path, body)

    # What is done

    def open(self, url):
        self.do("POST", "/url", {"url": url})

    def script(self, text, *arguments):
        return self.do("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def command(self, name, **parameters):
        return self.do("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def element(self, selector):
        return f"/element/{self.do('POST', '/element', {'using': 'css selector', 'value': selector})[ELEMENT]}"

    def click(self, selector):
        self.do("POST", self.element(selector) + "/click")

    def type(self, selector, text):
        place = self.element(selector)
        self.do("POST", place + "/clear")
        self.do("POST", place + "/value", {"text": text})

    def press(self, *keys):
        """Keys for whatever has the focus; `\ue004` is the tabulator, `\ue007` enter."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.do("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def size(self, width, height=800, scheme="light"):
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                     mobile=width < 500)

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.do("GET", "/screenshot")))

    # What is seen

    def text(self, selector="main"):
        return self.script("return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText).join('\\n')",
                           selector)

    def count(self, selector):
        return self.script("return document.querySelectorAll(arguments[0]).length", selector)

    def log(self):
        return [f"{entry['level']} {entry['message']}" for entry in self.do("POST", "/se/log", {"type": "browser"})]

    def wait(self, subject, look, seconds=30):
        """What `look` answers once it is true."""
        end = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > end:
                raise Missed(f"waited {seconds} s for {subject}; the page shows:\n{self.text('body')[:3000]}")
            time.sleep(0.1)

    def sees(self, *words, selector="main", seconds=30):
        """Waits until all these words are shown."""
        for word in words:
            self.wait(f"`{word}`", lambda word=word: word in self.text(selector), seconds)
