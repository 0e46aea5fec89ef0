"""Writes by the native surface: receipts, waiting, and what is kept."""

import json
import re

import pytest
from harness.client import key_path
from harness.wait import Stopwatch, wait_until

POSITION = re.compile(r"^(\d+)-(\d+)$")


def is_receipt(answer, key):
    """202, with the exact body and headers."""
    assert answer.status == 202, answer
    assert answer.header("Content-Type") == "application/json"
    assert POSITION.match(answer.position), answer
    assert answer.header("Location") == f"/v1/_writes/{answer.position}"
    assert answer.json() == {
        "state": "accepted",
        "collection": "records",
        "key": key,
        "position": answer.position,
    }
    assert answer.header("ETag") is None
    return True


def is_committed(answer, status, key):
    assert answer.status == status, answer
    version = POSITION.match(answer.position)[2]
    assert answer.header("ETag") == f'"{version}"'
    assert answer.json() == {
        "state": "committed",
        "collection": "records",
        "key": key,
        "position": answer.position,
    }
    return True


def test_put_answers_a_receipt(http, world):
    answer = http.put("receipt", "one")
    assert is_receipt(answer, "receipt")
    partition, offset = map(int, answer.position.split("-"))
    value = wait_until(lambda: http.value("receipt"), 10, "the write is committed")
    assert value == "one"
    ((version,),) = world.sql("SELECT version FROM records WHERE key = 'receipt'")
    assert version == offset
    assert world.progress()[partition] > offset


def test_the_receipt_ends_with_a_newline_and_nothing_else(http):
    answer = http.put("receipt2", "one")
    assert answer.body == (
        '{"state":"accepted","collection":"records","key":"receipt2",'
        f'"position":"{answer.position}"}}\n'
    ).encode()


def test_put_that_waits(http):
    first = http.put("waited", "one", prefer="wait=10")
    assert is_committed(first, 201, "waited")
    assert first.header("Preference-Applied") == "wait=10"
    second = http.put("waited", "two", prefer="wait=10")
    assert is_committed(second, 200, "waited")
    read = http.get("waited")
    assert read.header("ETag") == second.header("ETag")
    assert read.json()["value"] == "two"


def test_created_again_after_a_delete(http):
    assert http.put("again", "one", prefer="wait=10").status == 201
    assert http.delete("again", prefer="wait=10").status == 204
    assert http.put("again", "two", prefer="wait=10").status == 201


def test_delete_answers_a_receipt(http):
    assert http.put("gone", "one", prefer="wait=10").status == 201
    assert is_receipt(http.delete("gone"), "gone")
    wait_until(lambda: http.value("gone") is None, 10, "the row is gone")


def test_delete_that_waits(http):
    assert http.put("gone2", "one", prefer="wait=10").status == 201
    answer = http.delete("gone2", prefer="wait=10")
    assert answer.status == 204, answer
    assert answer.body == b""
    assert POSITION.match(answer.position)
    assert http.get("gone2").status == 404


def test_delete_of_what_is_not_there(http, world):
    """Decided by the writer: a waiting client gets the 404 itself."""
    answer = http.delete("never", prefer="wait=10")
    assert (answer.status, answer.problem) == (404, "not-found"), answer
    partition, version = map(int, answer.position.split("-"))
    noted = world.sql(
        "SELECT collection, key, op, reason FROM sluice.rejections"
        " WHERE partition = %s AND version = %s",
        partition,
        version,
    )
    assert noted == [("records", "never", "delete", "not-found")]


def test_delete_of_what_is_not_there_by_receipt(http):
    assert is_receipt(http.delete("never2"), "never2")


def test_wait_of_zero_is_a_receipt(http):
    assert is_receipt(http.put("zero", "one", prefer="wait=0"), "zero")


def test_respond_async(http):
    answer = http.put("async", "one", prefer="respond-async")
    assert is_receipt(answer, "async")
    assert answer.header("Preference-Applied") == "respond-async"
    # It outweighs a wait, whatever their order.
    assert is_receipt(http.put("async", "2", prefer="respond-async, wait=10"), "async")
    assert is_receipt(http.put("async", "3", prefer="wait=10, respond-async"), "async")


def test_return_minimal(http):
    answer = http.put("minimal", "one", prefer="return=minimal, wait=10")
    assert answer.status == 201
    assert answer.body == b""
    assert answer.header("ETag") and answer.position


@pytest.mark.parametrize(
    "prefer", ["", "wait", "wait=", "wait=x", "wait=-1", "handling=strict", ",,;=,"]
)
def test_preferences_that_are_not_understood_are_ignored(http, prefer):
    assert is_receipt(http.put("prefer", "one", prefer=prefer), "prefer")


def test_the_document_that_was_written(http):
    """return=representation: the row, with what was made of it."""
    made = http.put("represented", "one", prefer="wait=10, return=representation")
    row = made.json()
    assert (made.status, row["key"], row["value"]) == (201, "represented", "one")
    assert made.header("Preference-Applied") == "wait=10, return=representation"
    assert made.header("Content-Location") == "/v1/records/represented"
    read = http.get("represented")
    assert (read.json(), read.header("ETag")) == (row, made.header("ETag"))
    again = http.put("represented", "two", prefer="return=representation, wait=10")
    assert (again.status, again.json()["value"]) == (200, "two")
    assert again.json()["created_at"] == row["created_at"]
    headers = {"Content-Type": "application/json", "Prefer": "wait=10, return=representation"}
    posted = http.request("POST", "/v1/posts", b'{"title":"t","content":"c","author":"a"}', headers)
    assert (posted.status, posted.header("Location")) == (201, f"/v1/posts/{posted.json()['id']}")
    patched = http.request("PATCH", posted.header("Location"), b'{"title":"new"}', headers)
    assert (patched.status, patched.json()["title"], patched.json()["content"]) == (200, "new", "c")


def test_the_document_of_a_write_that_is_not_waited_for(http):
    answer = http.put("unrepresented", "one", prefer="return=representation")
    assert is_receipt(answer, "unrepresented")
    assert answer.header("Preference-Applied") is None
    deleted = http.delete("unrepresented", prefer="wait=10, return=representation")
    assert (deleted.status, deleted.header("Preference-Applied")) == (204, "wait=10")


def test_what_was_done_of_a_preference_is_told(http):
    answer = http.put("applied", "one", prefer="wait=10, return=minimal, handling=strict")
    assert (answer.status, answer.body) == (201, b"")
    assert answer.header("Preference-Applied") == "wait=10, return=minimal"
    for prefer in "wait=abc", "wait=-1", "return=nothing", "count=exact":
        assert http.put("applied", "one", prefer=prefer).header("Preference-Applied") is None


def test_a_wait_that_is_too_long_is_cut(http):
    answer = http.put("cut", "one", prefer="wait=3600")
    assert answer.status == 201
    assert answer.header("Preference-Applied") == "wait=30"


def test_writes_of_a_key_have_ascending_positions_in_one_partition(http, other_api):
    answers = [c.put("order", str(i)) for i in range(20) for c in (http, other_api.http)]
    places = [tuple(map(int, a.position.split("-"))) for a in answers]
    assert len({partition for partition, _ in places}) == 1
    assert [v for _, v in places] == sorted({v for _, v in places})
    last = answers[-1].position
    assert http.value("order", Sluice_Read_After=last) == "19"


def test_the_last_write_wins(http):
    for i in range(100):
        last = http.put("last", f"value {i}")
    assert http.value("last", Sluice_Read_After=last.position) == "value 99"


def test_created_at_stays_updated_at_moves(http):
    http.put("times", "one", prefer="wait=10")
    first = http.get("times").json()
    assert list(first) == ["key", "value", "created_at", "updated_at"]
    assert first["created_at"] == first["updated_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", first["created_at"])
    http.put("times", "two", prefer="wait=10")
    second = http.get("times").json()
    assert second["created_at"] == first["created_at"]
    assert second["updated_at"] > first["updated_at"]


def test_the_key_may_be_in_the_body_too(http):
    body = json.dumps({"key": "both", "value": "one"}).encode()
    assert http.put_raw("both", body, prefer="wait=10").status == 201
    assert http.value("both") == "one"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"],
)
def test_media_types_of_json(http, content_type):
    answer = http.put_raw("media", b'{"value":"one"}', content_type=content_type)
    assert is_receipt(answer, "media")


# --- values and keys that are easily broken ------------------------------------

VALUES = {
    "empty": "",
    "space": " ",
    "long": "x" * 10_000,
    "quotes": "'\"`\\$$ -- ; DROP TABLE records; \\u0041",
    "json": '{"value": [1, 2, {"a": null}]}',
    "lines": "a\r\n\tb\x0b\x01\x1f\x7f",
    "planes": "é ß Ω Ж ع ह 中 \u200f \ufeff \ufffd \uffff 😀 𝔘 \U00020000 \U000e0001 \U0010ffff",
    "combining": "e\u0301 is not é",
    "numbers": "007",
    "null": "null",
}


@pytest.mark.parametrize("name", VALUES)
def test_special_values_survive(http, other_api, world, name):
    value = VALUES[name]
    key = f"value {name}"
    answer = http.put(key, value, prefer="wait=10")
    assert answer.status == 201, answer
    assert http.value(key) == value  # a database's
    assert http.value(key) == value  # L1's
    world.wait_projected()
    other = other_api.http.get(key, Sluice_Read_After=answer.position)  # Redis's
    assert (other.tier, other.json()["value"]) == ("redis", value)
    assert world.sql("SELECT value FROM records WHERE key = %s", key) == [(value,)]


def test_escaped_json_is_the_same_value(http):
    body = b'{"value":"\\u00e9\\ud83d\\ude00\\/\\n"}'
    assert http.put_raw("escaped", body, prefer="wait=10").status == 201
    assert http.value("escaped") == "é😀/\n"


KEYS = [
    "a/b",
    "/",
    "//",
    "with space",
    "😀/😀",
    "_x",
    "__",
    "%2F",
    "100%",
    "a?b#c&d=e",
    "a+b",
    ".",
    "..",
    "ключ",
    "'; DROP TABLE records; --",
    "{1}",
    "k" * 255,
    "ß" * 127,
    "_mark",
]


@pytest.mark.parametrize("key", KEYS)
def test_special_keys_survive(http, other_api, world, key):
    answer = http.put(key, "one", prefer="wait=10")
    assert answer.status == 201, answer
    assert answer.json()["key"] == key
    for client in (http, http, other_api.http):
        read = client.get(key, Sluice_Read_After=answer.position)
        assert read.json()["key"] == key
    assert world.sql("SELECT key FROM records WHERE key = %s", key) == [(key,)]
    answer = http.delete(key, prefer="wait=10")
    assert answer.status == 204
    for client in (http, other_api.http):
        assert client.get(key, Sluice_Read_After=answer.position).status == 404


def test_plain_and_escaped_spellings_are_one_key(http):
    assert http.put("abc", "one", prefer="wait=10").status == 201
    answer = http.request("GET", "/v1/records/%61%62c")
    assert answer.json()["key"] == "abc"


def test_keys_that_differ_little_are_different(http):
    keys = ["Case", "case", "case ", " case", "e\u0301", "é"]
    for key in keys:
        assert http.put(key, f"of {key!r}", prefer="wait=10").status == 201
    for key in keys:
        assert http.value(key) == f"of {key!r}"


# --- documents of the largest size ----------------------------------------------


def test_the_largest_document(http):
    """document.max_bytes counts what is read: the key and the times, too."""
    value = "x" * (1024 * 1024 - 256)
    assert http.put("largest", value, prefer="wait=10").status == 201
    assert http.value("largest") == value
    answer = http.put("larger", value + "x" * 200, prefer="wait=10")
    assert (answer.status, answer.problem) == (413, "payload-too-large"), answer


def test_a_chunked_body(http):
    chunks = iter([b'{"val', b'ue":"chu', b'nked"}'])
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    answer = http.request("PUT", key_path("chunked"), chunks, headers)
    assert answer.status == 201, answer
    assert http.value("chunked") == "chunked"


# --- waiting costs what it must -------------------------------------------------


def test_a_waited_write_is_quick(http):
    """The commit is awaited, not polled for: far below a poll's period."""
    with Stopwatch() as t:
        for i in range(20):
            assert http.put(f"quick {i}", "x", prefer="wait=10").status == 201
    assert t.seconds / 20 < 0.25


def test_metrics_count_writes(http, api):
    before = api.metrics()
    http.put("counted", "one")
    http.put("counted", "two", prefer="wait=10")
    http.put_raw("counted", b"{")
    after = api.metrics()

    def moved(*key):
        return after[key] - before[key]

    assert moved("sluice_writes_total", 'result="acknowledged"') == 2
    assert moved("sluice_writes_total", 'result="invalid"') == 1
    assert moved("sluice_write_acknowledge_seconds_count", "") == 2
    assert moved("sluice_write_commit_seconds_count", "") == 1
