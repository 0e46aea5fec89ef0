"""Chromium, driven by the DevTools protocol over two pipes: no driver, no package."""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 20


class Browser:
    def __init__(self, folder):
        from_us, to_it = os.pipe()
        from_it, to_us = os.pipe()

        def wire():
            os.dup2(from_us, 3)
            os.dup2(to_us, 4)

        # The pipes may have these numbers already.
        os.set_inheritable(from_us, True)
        os.set_inheritable(to_us, True)
        self.process = subprocess.Popen(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-dev-shm-usage", "--disable-extensions",
                "--remote-debugging-pipe", f"--user-data-dir={folder}", "about:blank",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=wire, pass_fds=(3, 4), start_new_session=True,
        )  # fmt: skip
        os.close(from_us)
        os.close(to_us)
        self.write_to, self.read_from = to_it, from_it
        self.rest = b""
        self.numbers = itertools.count(1)
        self.events = []
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(t for t in targets if t["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self.session = attached["sessionId"]

    def close(self):
        with contextlib.suppress(OSError):
            self.send("Browser.close", session=None)
        self.process.wait(SECONDS)
        os.close(self.write_to)
        os.close(self.read_from)

    def messages(self, seconds):
        """Those that come within the time; at least one, or a TimeoutError."""
        until = time.monotonic() + seconds
        while b"\0" not in self.rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.read_from], [], [], left)[0]:
                raise TimeoutError
            got = os.read(self.read_from, 1 << 20)
            if not got:
                raise ConnectionError("the browser has ended")
            self.rest += got
        *whole, self.rest = self.rest.split(b"\0")
        return [json.loads(m) for m in whole]

    def send(self, method, session="", **params):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if session == "":
            session = getattr(self, "session", None)
        if session:
            message["sessionId"] = session
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        answer = None
        while answer is None:
            for each in self.messages(SECONDS):
                if each.get("id") == number:
                    answer = each
                elif "method" in each:
                    self.events.append(each)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]


class Page:
    """The one page of a browser: what it did, and what it complained about."""

    def __init__(self, browser, base):
        self.browser, self.base = browser, base
        for domain in ("Page", "Runtime", "Network", "Log"):
            browser.send(f"{domain}.enable")

    # --- what is in it ----------------------------------------------------------

    def run(self, script):
        """The value of an expression, which may be a promise."""
        said = self.browser.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in said:
            details = said["exceptionDetails"]
            raise AssertionError(details.get("exception", details).get("description", details))
        return said["result"].get("value")

    def wait(self, condition, what=None):
        """Until the expression is true; returns its value."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            value = self.run(f"((v) => v instanceof Node || v)({condition})")
            if value:
                return value
            self.run("new Promise((done) => setTimeout(done, 20))")
        text = self.run("document.body.innerText")
        raise AssertionError(f"{what or condition}: {text}")

    def text(self, selector="body"):
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait_text(self, text, selector="#page"):
        find = f"(document.querySelector({json.dumps(selector)})?.innerText ?? '').includes({json.dumps(text)})"
        return self.wait(find, f"no {text!r} in {selector}")

    # --- what a person does -------------------------------------------------------

    def open(self, place="/"):
        self.browser.send("Page.navigate", url=self.base + place)
        self.wait("document.readyState === 'complete'")

    def go(self, place):
        self.run(f"location.hash = {json.dumps(place)}")

    def click(self, selector):
        self.wait(f"document.querySelector({json.dumps(selector)}) && !document.querySelector({json.dumps(selector)}).disabled")
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def press(self, key, code=None, text=None, modifiers=0):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.browser.send("Input.dispatchKeyEvent", type=kind, key=key, code=code or key,
                              windowsVirtualKeyCode={"Tab": 9, "Enter": 13, "Escape": 27}.get(key, 0),
                              modifiers=modifiers, **more)  # fmt: skip

    def type(self, text):
        self.browser.send("Input.insertText", text=text)

    def select_all(self):
        self.run("document.activeElement.select()")

    def fill(self, selector, text):
        at = json.dumps(selector)
        self.wait(f"document.querySelector({at})")
        self.run(
            f"(() => {{ const e = document.querySelector({at}); e.focus(); e.value = {json.dumps(text)};"
            " e.dispatchEvent(new Event('input', {bubbles: true}));"
            " e.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    # --- how it looks ---------------------------------------------------------------

    def look(self, width=1200, height=900, dark=False):
        self.browser.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                          deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
        value = "dark" if dark else "light"
        self.browser.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": value}],
        )

    def picture(self, path, whole=True):
        """Of the whole page, or of what the window shows of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        data = self.browser.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    # --- what it complained about, and whom it asked ----------------------------------

    def take_events(self):
        self.run("1")  # what came until now
        events, self.browser.events = self.browser.events, []
        return events

    def complaints(self, events):
        """Errors of scripts and of the console: but not of an answer that is an error."""
        found = []
        for each in events:
            name, p = each["method"], each["params"]
            if name == "Runtime.exceptionThrown":
                found.append(p["exceptionDetails"])
            elif name == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning"):
                found.append(p["args"])
            elif name == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
                if p["entry"]["source"] != "network":
                    found.append(p["entry"])
        return found

    def asked(self, events):
        return [
            e["params"]["request"]["url"]
            for e in events
            if e["method"] == "Network.requestWillBeSent"
        ]
