"""Headers that are lists may come in several lines (RFC 9110, 5.3); blanks around
a value are no part of it (5.5)."""

from email.message import Message

from harness.client import key_path
from harness.feed import Feed


def several(*lines):
    """Headers, of which some have the same name."""
    headers = Message()
    for name, value in lines:
        headers[name] = value
    return headers


def put(http, key, *lines):
    more = (("Content-Type", "application/json"), ("Prefer", "wait=10"))
    return http.request("PUT", key_path(key), b'{"value": "x"}', several(*more, *lines))


def test_if_match(http):
    etag = put(http, "match").header("ETag")
    for lines in (['"999"', "%s"], ["%s", '"999"'], ['"998", "999"', 'W/"5"', '"997", %s']):
        named = [("If-Match", line.replace("%s", etag)) for line in lines]
        answer = put(http, "match", *named)
        assert answer.status == 200, (named, answer)
        etag = answer.header("ETag")
    assert put(http, "match", ("If-Match", '"1"'), ("If-Match", '"2"')).status == 412
    assert put(http, "match", ("If-Match", etag), ("If-Match", "2")).status == 422


def test_if_none_match(http):
    etag = put(http, "none").header("ETag")
    page = http.request("GET", "/v1/records").header("ETag")
    for path, tag in ((key_path("none"), etag), ("/v1/records", page)):
        lines = (("If-None-Match", '"999"'), ("If-None-Match", tag))
        assert http.request("GET", path, headers=several(*lines)).status == 304, path
        assert http.request("GET", path, headers=several(*lines[:1] * 2)).status == 200, path


def test_if_match_of_a_read(http):
    """Evaluated before what is asked for is done (RFC 9110, 13.1.1), strongly."""
    etag = put(http, "read").header("ETag")
    page = http.request("GET", "/v1/records").header("ETag")
    for path, tag in ((key_path("read"), etag), ("/v1/records", page)):
        for method in ("GET", "HEAD"):
            for good in ([tag], ["*"], ['"999"', tag], [f'W/"5", {tag}']):
                lines = several(*(("If-Match", line) for line in good))
                assert http.request(method, path, headers=lines).status == 200, (path, good)
            for bad in (['"999"'], ["W/" + tag], ['"998"', '"999"']):
                lines = several(*(("If-Match", line) for line in bad))
                assert http.request(method, path, headers=lines).status == 412, (path, bad)
        both = several(("If-Match", tag), ("If-None-Match", tag))
        assert http.request("GET", path, headers=both).status == 304
    absent = several(("If-Match", "*"))
    assert http.request("GET", key_path("read nothing"), headers=absent).status == 404


def test_accept(http):
    lines = (("Accept", "application/json;q=0.5"), ("Accept", "application/x-ndjson"))
    for order in (lines, lines[::-1]):
        answer = http.request("GET", "/v1/records", headers=several(*order))
        assert answer.header("Content-Type") == "application/x-ndjson", answer


def test_blanks_behind_a_value(http):
    made = put(http, "blanks", ("If-None-Match", "* \t"))
    assert made.status == 201, made
    for condition in ("* ", made.header("ETag") + "\t"):
        answer = http.request("GET", key_path("blanks"), headers={"If-Match": condition})
        assert answer.status == 200, (condition, answer)
    assert put(http, "blanks", ("If-Match", made.header("ETag") + " ")).status == 200
    assert put(http, "blanks", ("If-Match", "* ")).status == 200
    changed = put(http, "blanks", ("If-Match", made.header("ETag") + " "))
    assert changed.status == 412, changed
    read = http.request("GET", key_path("blanks"), headers={"Sluice-Read-After": made.position + " "})
    assert read.status == 200, read


def test_blanks_behind_the_id_of_an_event(http):
    first = Feed(http.port)
    last = first.last_id
    first.close()
    for more, status in ((" ", 200), ("x", 422)):
        again = Feed(http.port, last_id=last + more)
        assert again.status == status, more
        again.close()


def test_idempotency_key(http):
    """One key, in one line; not the first of two."""
    made = put(http, "idempotent", ("Idempotency-Key", "k-1 "))
    assert made.status == 201, made
    again = put(http, "idempotent", ("Idempotency-Key", '"k-1"\t'))
    assert again.header("Idempotency-Replayed") == "true", again
    for two in (("k-1", "k-2"), ("k-1", "k-1"), ('"k-1"', '"k-2"'), ("", "")):
        answer = put(http, "idempotent", *(("Idempotency-Key", key) for key in two))
        assert answer.status == 422, (two, answer)
        assert answer.pointers == ["/Idempotency-Key"], (two, answer)
