"""Daemons that a benchmark starts and ends by itself, and a client that asks them."""

import http.client
import json
import os
import re
import subprocess

from common import HOST, die_with_parent, wait_for


class Client:
    """One connection, made again when it broke."""

    def __init__(self, port):
        self.port = port
        self.connection = None

    def ask(self, method, path, body=None, timeout=15, **headers):
        """Status, headers, body; None: no answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout)
            self.connection.request(method, path, body, named)
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def put(self, key, value, **headers):
        return self.ask("PUT", f"/v1/records/{key}", json.dumps({"value": value}),
                        Content_Type="application/json", **headers)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Daemon:
    """`programs` is the folder of its program; `options` has config_of, dir (for its
    log) and port_base, from which its ports are counted by `number`. As compose does,
    it gets a session of its own: Linux shares the cores between sessions."""

    def __init__(self, name, programs, options, number, *flags):
        self.name = name
        self.kind = name.split("-")[0]
        self.admin = options.port_base + 2 * number
        self.port = self.admin + 1 if self.kind == "api" else None
        self.log = options.dir / f"{name}.log"
        self.command = [
            f"{programs}/sluice-{self.kind}",
            "--config=" + options.config_of.replace("%", self.kind),
            f"--admin.listen={HOST}:{self.admin}",
        ]
        if self.port:
            self.command += [f"--http.listen={HOST}:{self.port}", "--http.threads=2",
                             "--http.client_share=100"]
        self.command += flags
        self.environment = {}  # more of it
        self.process = None
        self.kept = False  # if it ends by itself, it is started again

    def start(self):
        with open(self.log, "a") as out:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=os.environ | self.environment, preexec_fn=die_with_parent,
                start_new_session=True)
        self.kept = True

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, number):
        self.kept = False
        self.signal(number)
        self.process.wait(30)

    def ready(self):
        wait_for(self.admin, "/readyz", self.log, 60)

    def metrics(self):
        """The samples without labels."""
        client = Client(self.admin)
        answer = client.ask("GET", "/metrics")
        client.close()
        return {name: float(value) for name, value in re.findall(
            r"^(\w+) ([0-9.e+-]+)$", answer[2].decode() if answer else "", re.MULTILINE)}

    def partitions(self):
        own = self.metrics().get(f"sluice_{self.kind}_partitions")
        return None if own is None else int(own)
