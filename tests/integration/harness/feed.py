"""A client of a change feed, as the standard says that one reads it."""

import contextlib
import http.client
import json
import socket
import threading

from .wait import wait_until


class Event:
    def __init__(self, kind, data, last_id):
        self.kind = kind
        self.data = data
        self.id = last_id  # as it was when the event came

    @property
    def key(self):
        return self.data["key"]

    @property
    def version(self):
        return int(self.data["version"])

    @property
    def document(self):
        return self.data.get("document")

    def __repr__(self):
        return f"<{self.kind} {self.data}>"


class Feed(threading.Thread):
    """Reads until the other side ends, or it is closed."""

    def __init__(self, port, collection="records", last_id=None, timeout=60, always=None):
        super().__init__(daemon=True)
        headers = {"Accept": "text/event-stream", **(always or {})}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.connection.request("GET", f"/v1/{collection}/_changes", headers=headers)
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.last_id = last_id
        self.events = []
        self.comments = 0
        self.ended = False
        if self.status == 200:
            assert self.response.getheader("Content-Type") == "text/event-stream"
            self.start()
        if self.status == 200 and last_id is None:
            # What is committed before is not of this feed.
            wait_until(lambda: self.last_id or self.ended, 20, "the first id")

    def problem(self):
        return json.loads(self.response.read())["type"].rsplit(":", 1)[1]

    def run(self):
        fields = {}
        try:
            for line in self.response:
                line = line.decode().rstrip("\n")
                if line == "":
                    self._dispatch(fields)
                    fields = {}
                elif line.startswith(":"):
                    self.comments += 1
                else:
                    name, _, value = line.partition(":")
                    value = value.removeprefix(" ")
                    if name == "data" and "data" in fields:
                        value = fields["data"] + "\n" + value
                    fields[name] = value
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        self.ended = True

    def _dispatch(self, fields):
        assert fields.keys() <= {"event", "data", "id", "retry"}, fields
        self.last_id = fields.get("id", self.last_id)
        if "data" in fields:
            data = json.loads(fields["data"])
            self.events.append(Event(fields["event"], data, self.last_id))

    def close(self):
        # The reader would hold the response until it hears something.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.response.close()
        self.connection.close()

    def wait_for(self, predicate, why, deadline=30):
        return wait_until(lambda: predicate(self.events), deadline, why)

    def wait_end(self, deadline=20):
        wait_until(lambda: self.ended, deadline, "the feed ends")


class Follower:
    """Follows a collection for ever, by whatever API is there: what a client would
    do, who keeps a copy of it."""

    def __init__(self, apis, collection="records"):
        self.apis, self.collection = apis, collection
        self.rows, self.versions = {}, {}
        self.told = {}  # key -> version, by this connection
        self.events = self.resumes = self.repeats = 0
        self.wrong = []
        self.last_id = None
        self.stopping = threading.Event()
        self.feed = None
        self._connect(0)
        wait_until(lambda: self.feed.last_id, 10, "the first id")
        self.last_id = self.feed.last_id
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _connect(self, n):
        api = self.apis[n % len(self.apis)]
        self.feed = Feed(api.http.port, self.collection, self.last_id)
        if self.feed.status == 410:
            self.wrong.append("expired")
        assert self.feed.status == 200, self.feed.status

    def _run(self):
        n = 0
        while not self.stopping.is_set():
            self._follow(self.feed)
            n += 1
            while not self.stopping.is_set():
                try:
                    self._connect(n)
                    self.resumes += 1
                    break
                except (OSError, http.client.HTTPException, AssertionError):
                    self.stopping.wait(0.1)
                    n += 1

    def _follow(self, feed):
        seen = 0
        self.told = {}
        while not self.stopping.is_set():
            over = feed.ended
            while seen < len(feed.events):
                self._take(feed.events[seen])
                seen += 1
            if over:
                self.last_id = feed.last_id
                return
            self.stopping.wait(0.01)

    def _take(self, event):
        self.events += 1
        if event.kind == "reset":
            self.wrong.append("reset")
            return
        newest = self.versions.get(event.key, -1)
        # What comes again after a resume comes in order, too.
        if event.version < self.told.get(event.key, -1):
            self.wrong.append((event, newest))
        self.told[event.key] = event.version
        self.repeats += event.version <= newest
        self.versions[event.key] = event.version
        self.rows[event.key] = event.document

    def present(self):
        return {key: row for key, row in self.rows.items() if row is not None}

    def stop(self):
        self.stopping.set()
        self.thread.join(10)
        self.feed.close()
