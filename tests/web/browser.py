# SPDX-License-Identifier: Apache-2.0
"""browser.py - Chromium without a screen, driven over the WebDriver protocol (W3C, 2018).

Only the standard library. The browser has a profile of its own that goes with it, and no network
but its own: every name resolves to nothing, so that what a page asks for fails and is seen in
requests(). Every call ends after CALL_LIMIT seconds.
"""
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

CALL_LIMIT = 60
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Space": "\ue00d", "Left": "\ue012",
        "Up": "\ue013", "Right": "\ue014", "Down": "\ue015", "End": "\ue010", "Home": "\ue011",
        "Shift": "\ue008"}
# A4 in centimetres.
A4 = (21.0, 29.7)


def missing():
    """What is not installed, or None."""
    for name in ("chromedriver", "chromium"):
        if not shutil.which(name):
            return name
    return None


class Browser:
    def __init__(self, width=1280, height=800, dark=False):
        # One that is told to end still ends what it started.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self.dir = tempfile.mkdtemp(prefix="zt-web-")
        self.session = None
        self.said = [] # of the console, not yet asked for
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, text=True, start_new_session=True,
            env=dict(os.environ, HOME=self.dir, TMPDIR=self.dir))
        try:
            self.base = "http://127.0.0.1:%d" % self._port()
            self._begin(width, height, dark)
        except BaseException:
            self.close()
            raise

    def _port(self):
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                return int(line.rstrip(".\n").split()[-1])
        raise RuntimeError("chromedriver did not start")

    def _begin(self, width, height, dark):
        args = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND",
                "--user-data-dir=" + self.dir + "/profile", "--lang=en-US",
                "--window-size=%d,%d" % (width, height)]
        if dark:
            args.append("--blink-settings=preferredColorScheme=0")
        wanted = {"browserName": "chrome", "pageLoadStrategy": "normal",
                  "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                  "goog:chromeOptions": {"args": args, "binary": shutil.which("chromium")}}
        self.session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)

    def call(self, method, path, body=None):
        if self.session and path.startswith("~"):
            path = "/session/" + self.session + path[1:]
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"},
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=CALL_LIMIT) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise RuntimeError(value["error"] + ": " + value["message"].split("\n")[0]) from None

    def cdp(self, command, **params):
        return self.call("POST", "~/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, path):
        """Loads a file and waits until it says that it is drawn. Returns the page's own milliseconds."""
        self.call("POST", "~/url", {"url": "file://" + os.path.abspath(path)})
        end = time.monotonic() + 20
        while True:
            ready = self.js("return document.documentElement.dataset.readyMs")
            if ready:
                return int(ready)
            self.said = self.log()
            wrong = [line for line in self.said if line.startswith("SEVERE")]
            if wrong or time.monotonic() > end:
                raise AssertionError("%s is not drawn: %s" % (path, wrong))
            time.sleep(0.02)

    def js(self, script, *args):
        return self.call("POST", "~/execute/sync", {"script": script, "args": list(args)})

    def until(self, script, *args, limit=20):
        """Waits until the script returns something true, which is returned."""
        end = time.monotonic() + limit
        while True:
            value = self.js(script, *args)
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError("not within %d s: %s" % (limit, script))
            time.sleep(0.02)

    def keys(self, *keys):
        """Presses one key after the other, where the focus is."""
        actions = []
        for key in keys:
            for value in [KEYS[key]] if key in KEYS else list(key):
                actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self.call("POST", "~/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def pointer(self, x, y, click=False):
        actions = [{"type": "pointerMove", "duration": 0, "x": int(x), "y": int(y)}]
        if click:
            actions += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self.call("POST", "~/actions", {"actions": [{
            "type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}]})

    def click(self, css):
        """Clicks the middle of an element, as the mouse would."""
        element = self.call("POST", "~/element", {"using": "css selector", "value": css})[ELEMENT]
        self.call("POST", "~/element/%s/click" % element, {})

    def log(self):
        """What the console said since the last call, as text."""
        said, self.said = self.said, []
        return said + [e["level"] + " " + e["message"]
                       for e in self.call("POST", "~/se/log", {"type": "browser"})]

    def requests(self):
        """Addresses that were asked for since the last call."""
        found = []
        for entry in self.call("POST", "~/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def shot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("GET", "~/screenshot")))

    def pdf(self, path, landscape=False):
        """Prints to A4, backgrounds left out as browsers do."""
        body = {"orientation": "landscape" if landscape else "portrait", "background": False,
                "page": {"width": A4[0], "height": A4[1]}, "shrinkToFit": False,
                "margin": {"top": 1.2, "bottom": 1.5, "left": 1.1, "right": 1.1}}
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("POST", "~/print", body)))

    def close(self):
        try:
            if self.session:
                self.call("DELETE", "~")
        except (OSError, RuntimeError):
            pass
        # chromedriver leads a group of its own: with it goes what it started.
        try:
            os.killpg(self.driver.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.driver.wait()
        self.driver.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
