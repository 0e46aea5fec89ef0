"""An HTTP client that sends what it is told to, byte for byte.

The usual libraries tidy paths up (`%5Fx` becomes `_x`), and tidiness is what
is tested here.
"""

import http.client
import json
import threading
from urllib.parse import quote


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def header(self, name):
        return self.headers.get(name)

    @property
    def position(self):
        return self.header("Sluice-Position")

    @property
    def cache(self):
        return self.header("Cache-Status")

    @property
    def tier(self):
        """The tier that had the value: l1, redis, replica, primary, or None."""
        first = (self.cache or "").split(",")[0]
        for parameter in first.split(";"):
            name, _, value = parameter.strip().partition("=")
            if name == "detail":
                return value
        return None

    @property
    def problem(self):
        """The type of the problem, without its prefix; None if it is none."""
        if self.header("Content-Type") != "application/problem+json":
            return None
        kind = self.json()["type"]
        assert kind.startswith("urn:sluice:problem:"), kind
        return kind[len("urn:sluice:problem:") :]

    @property
    def pointers(self):
        return [e["pointer"] for e in self.json().get("errors", [])]

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:400]!r}>"


def key_path(key, collection="records"):
    """The path of a key; a leading underscore is reserved, so it is escaped."""
    escaped = quote(key, safe="")
    if escaped.startswith("_"):
        escaped = "%5F" + escaped[1:]
    return f"/v1/{collection}/{escaped}"


ADMIN = {"Sluice-Admin": "1"}  # without it, nothing can be changed


class Client:
    """One connection per thread, kept alive."""

    def __init__(self, port, timeout=40, host="127.0.0.1", always=None):
        self.always = always or {}  # headers of every request
        self.tls = None  # the ssl.SSLContext of new connections
        self.host = host
        self.port = port
        self.timeout = timeout
        self.local = threading.local()
        self.generation = 0

    def forget(self):
        """Connections are not used again: the server was restarted."""
        self.generation += 1

    def _connection(self):
        """A connection, and whether it has been used before."""
        old = getattr(self.local, "connection", None)
        if old and self.local.generation == self.generation and old.sock:
            return old, True
        if old:
            old.close()
        if self.tls:
            new = http.client.HTTPSConnection(
                self.host, self.port, timeout=self.timeout, context=self.tls
            )
        else:
            new = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        self.local.connection = new
        self.local.generation = self.generation
        return new, False

    def _send(self, connection, method, path, body, headers):
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return Answer(response, response.read())

    def _headers(self, headers):
        """A Message stays one: it may have several lines of a name."""
        if not self.always:
            return headers or {}
        return {**self.always, **(headers or {})}

    def request(self, method, path, body=None, headers=None):
        connection, used = self._connection()
        args = (method, path, body, self._headers(headers))
        try:
            return self._send(connection, *args)
        except (http.client.HTTPException, OSError):
            connection.close()
            if not used or method not in ("GET", "HEAD"):
                raise
        connection, _ = self._connection()
        return self._send(connection, *args)

    # --- the native surface ---------------------------------------------------

    def put_raw(self, key, body, prefer=None, content_type="application/json", **more):
        headers = {name.replace("_", "-"): v for name, v in more.items()}
        if content_type:
            headers["Content-Type"] = content_type
        if prefer is not None:
            headers["Prefer"] = prefer
        return self.request("PUT", key_path(key), body, headers)

    def put(self, key, value, prefer=None, **more):
        body = json.dumps({"value": value}, ensure_ascii=False).encode()
        return self.put_raw(key, body, prefer, **more)

    def get(self, key, **more):
        headers = {name.replace("_", "-"): v for name, v in more.items()}
        return self.request("GET", key_path(key), headers=headers)

    def delete(self, key, prefer=None):
        headers = {} if prefer is None else {"Prefer": prefer}
        return self.request("DELETE", key_path(key), headers=headers)

    def value(self, key, **more):
        """The value of a key; None if it is absent."""
        answer = self.get(key, **more)
        if answer.status == 404:
            assert answer.problem == "not-found", answer
            return None
        assert answer.status == 200, answer
        return answer.json()["value"]

    # --- the seeds' routes ----------------------------------------------------

    def write(self, key, value, prefer=None):
        headers = {"Content-Type": "application/json"}
        if prefer is not None:
            headers["Prefer"] = prefer
        body = json.dumps({"key": key, "value": value}).encode()
        return self.request("POST", "/write", body, headers)

    def read(self, key):
        return self.request("GET", "/read/" + key_path(key).rsplit("/", 1)[1])

    def page(self, path):
        answer = self.request("GET", path)
        assert answer.header("Content-Type") == "application/json", answer
        return answer.json()
