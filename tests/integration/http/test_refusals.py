"""What the head of a request refuses, by its route: the answer comes while the body is
still with the client, and nothing of the body is in the log."""

import json
import socket

import pytest
from harness.bulk import ARRAY, LINES, lines
from harness.client import key_path

AT_ONCE_S = 5
DOCUMENTS = [{"key": f"refused {n}", "value": "x"} for n in range(200)]
BODIES = {LINES: lines(DOCUMENTS), ARRAY: json.dumps(DOCUMENTS).encode()}
MORE = 1_000_000  # as the body goes on, if it is taken

# What it is, the request line, the type of the body, more headers, the status.
REFUSED = [
    ("no route", "POST /v2/records", LINES, "", 404),
    ("a reserved segment", "POST /v1/records/_lines", LINES, "", 404),
    ("no collection", "POST /v1/nothing", LINES, "", 404),
    ("an array for no collection", "POST /v1/nothing", ARRAY, "", 404),
    ("no method", "PUT /v1/records", LINES, "", 405),
    ("an array for a key", "POST /v1/records/a", ARRAY, "", 405),
    ("lines for a key", "PUT /v1/records/a", LINES, "", 415),
    ("a type", "POST /v1/records", "text/csv", "", 415),
    ("a coding", "POST /v1/records", LINES, "Content-Encoding: gzip\r\n", 415),
    ("an array in a coding", "POST /v1/records", ARRAY, "Content-Encoding: gzip\r\n", 415),
    ("a parameter", "POST /v1/records?x=1", LINES, "", 400),
    ("what is asked for", "POST /v1/records", LINES, "Accept: text/html\r\n", 406),
    ("a header", "POST /v1/records", LINES, "If-Match: *\r\n", 422),
]
FRAMINGS = {
    "length": f"Content-Length: {MORE}\r\n",
    "expected": f"Content-Length: {MORE}\r\nExpect: 100-continue\r\n",
    "chunked": "Transfer-Encoding: chunked\r\n",
}


def final_answer(port, head, body):
    """All that the daemon says to a head and the beginning of a body that does not end."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), AT_ONCE_S) as s:
        s.sendall(head + body)
        while data := s.recv(65536):
            said += data
    return said


def framed(framing, body):
    return b"%x\r\n%s\r\n" % (len(body), body) if framing == "chunked" else body


@pytest.mark.parametrize("framing", FRAMINGS)
def test_nothing_of_a_refused_body_is_in_the_log(world, api, http, framing):
    ends = sum(world.ends())
    for what, line, content_type, more, status in REFUSED:
        head = f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        body = framed(framing, BODIES.get(content_type, BODIES[LINES]))
        said = final_answer(
            api.http.port, f"{head}{more}{FRAMINGS[framing]}\r\n".encode(), body
        )
        assert said.startswith(b"HTTP/1.1 %d " % status), (what, said)
        assert said.count(b"HTTP/1.1 ") == 1, (what, said)  # no 100, and no other answer
    # Kafka has what was sent before this, if anything was.
    assert http.put("refusals", "x", prefer="wait=20").status in (200, 201)
    assert sum(world.ends()) == ends + 1
    assert http.request("GET", key_path("refused 0")).status == 404


@pytest.mark.parametrize("content_type", BODIES)
def test_the_same_body_is_taken_by_its_route(world, http, content_type):
    """So it is the route that keeps it out of the log."""
    ends = sum(world.ends())
    headers = {"Content-Type": content_type, "Prefer": "wait=20"}
    assert http.request("POST", "/v1/records", BODIES[content_type], headers).status == 200
    assert sum(world.ends()) == ends + len(DOCUMENTS)
