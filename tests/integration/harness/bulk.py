"""Many documents in one request, as a client sends them: whole, or piece by piece."""

import http.client
import json

from .client import Answer

LINES = "application/x-ndjson"
ARRAY = "application/json"


def lines(documents):
    return "".join(json.dumps(d) + "\n" for d in documents).encode()


def post_lines(client, collection, documents, prefer=None, body=None, **more):
    """Posts NDJSON; `body`: instead of documents, bytes or an iterable of them
    (which has no Content-Length)."""
    headers = {"Content-Type": LINES, **{k.replace("_", "-"): v for k, v in more.items()}}
    if prefer:
        headers["Prefer"] = prefer
    body = lines(documents) if body is None else body
    return client.request("POST", f"/v1/{collection}", body, headers)


def post_array(client, collection, documents, prefer=None, body=None):
    headers = {"Content-Type": ARRAY}
    if prefer:
        headers["Prefer"] = prefer
    body = json.dumps(documents).encode() if body is None else body
    return client.request("POST", f"/v1/{collection}", body, headers)


def results(answer):
    """The results of an answer, in either form; the last line of NDJSON ends."""
    if answer.header("Content-Type") == LINES:
        text = answer.body.decode()
        assert text == "" or text.endswith("\n"), text[-80:]
        return [json.loads(line) for line in text.splitlines()]
    assert answer.header("Content-Type") == ARRAY, answer
    return answer.json()


def kind(result):
    """The type of its problem, without the prefix; None: it has none."""
    return result["type"].rsplit(":", 1)[1] if "type" in result else None


class Upload:
    """A request whose body is sent in pieces of one's own."""

    def __init__(self, port, collection, content_type=LINES, **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.putrequest("POST", f"/v1/{collection}")
        self.connection.putheader("Content-Type", content_type)
        self.connection.putheader("Transfer-Encoding", "chunked")
        for name, value in headers.items():
            self.connection.putheader(name.replace("_", "-"), value)
        self.connection.endheaders()

    def send(self, data):
        self.connection.send(b"%x\r\n%s\r\n" % (len(data), data))
        return self

    def finish(self):
        self.connection.send(b"0\r\n\r\n")
        response = self.connection.getresponse()
        return Answer(response, response.read())

    def hang_up(self):
        self.connection.close()
