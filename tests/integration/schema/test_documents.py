"""The canonical document: whoever made it of the row, its bytes are those of
Postgres's own row_to_json."""

import json

from harness.client import key_path
from harness.replica import behind_its_back
from harness.wait import wait_until

NASTY = [
    "",
    " ",
    "plain",
    '"',
    "\\",
    "/",
    "\\u0041",
    '\\"',
    "".join(map(chr, range(1, 0x21))),
    "\x7f\x80\x9f\xa0",
    "é ÿ ſ € \u2028\u2029 \ufeff \ufffd \uffff",
    "😀𝄞\U0010ffff",
    "{}[],:'%$",
    "x" * 5000,
    "\n" * 3000 + '"',
]


def rendered(world, table, fields, key):
    """What Postgres itself makes of the row."""
    columns = ", ".join(f"t.{name}" for name in fields)
    ((document,),) = world.sql(
        f"SELECT (SELECT row_to_json(d) FROM (SELECT t.key, {columns},"
        f" t.created_at, t.updated_at) d)::text FROM {table} t WHERE key = %s",
        key,
    )
    return document.encode()


def announced(world):
    """The newest document of every key in the log of commits."""
    log = world.servers.read_log(world.commits, world.partitions)
    return {m.key(): m.value() for m in log if m.key() != b"_mark"}


def put(http, table, key, document, escapes):
    body = json.dumps(document, ensure_ascii=escapes).encode()
    answer = http.request(
        "PUT",
        key_path(key, table),
        body,
        {"Content-Type": "application/json", "Prefer": "wait=10"},
    )
    assert answer.status in (200, 201), answer


def are_the_same_everywhere(world, table, fields, keys):
    commits = announced(world)
    for key in keys:
        want = rendered(world, table, fields, key)
        assert commits[f"{table}/{key}".encode()] == want
        for api in world.of("api"):
            # The first reads the database, the second what is cached.
            for _ in range(2):
                assert api.http.request("GET", key_path(key, table)).body == want


def test_strings(world, http):
    for i, text in enumerate(NASTY):
        put(http, "records", f"text {i}", {"value": text}, escapes=i % 2 == 0)
    for i, text in enumerate(NASTY):
        assert http.value(f"text {i}") == text
    keys = [f"text {i}" for i in range(len(NASTY))]
    are_the_same_everywhere(world, "records", ["value"], keys)


def test_keys(world, http):
    keys = ["'", '"', "\\", "a b", "é😀", "%", "\x01\x1f\x7f", "{,}"]
    for key in keys:
        put(http, "records", key, {"value": "one"}, escapes=True)
    are_the_same_everywhere(world, "records", ["value"], keys)


def test_numbers(world, http):
    counts = ["0", "-1", "9223372036854775807", "-9223372036854775808"]
    amounts = ["0", "-0", "0.0", "1.50", "-0.10", "1e3", "1.5E-7", "12e-2", "null"]
    amounts += ["123456789012345678901234567890.000000000000000000001", "1e-300"]
    for i, amount in enumerate(amounts):
        key, count = f"number {i}", counts[i % len(counts)]
        body = f'{{"count":{count},"amount":{amount}}}'.encode()
        answer = http.request(
            "PUT",
            key_path(key, "counters"),
            body,
            {"Content-Type": "application/json", "Prefer": "wait=10"},
        )
        assert answer.status in (200, 201), (amount, answer)
    keys = [f"number {i}" for i in range(len(amounts))]
    are_the_same_everywhere(world, "counters", ["count", "amount"], keys)


def test_what_an_operator_wrote(world, http):
    """Rows that no write of Sluice makes: read as Postgres would say them."""
    times = ["infinity", "-infinity", "0044-03-15 12:00:00.5 BC", "10000-01-01"]
    times += ["0001-01-01", "4713-01-01 BC", "294276-12-31 23:59:59.999999"]
    times += ["1900-02-28 23:59:59.1", "2000-02-29", "2024-12-31 00:00:00.123450"]
    numbers = ["NaN", "Infinity", "-Infinity", "1e20", "-0.000"]
    for i, at in enumerate(times):
        behind_its_back(
            world,
            "INSERT INTO counters VALUES (%s, 1, %s, %s, %s, 0)",
            f"odd {i}",
            numbers[i % len(numbers)],
            at,
            at,
        )
        want = rendered(world, "counters", ["count", "amount"], f"odd {i}")
        assert http.request("GET", key_path(f"odd {i}", "counters")).body == want


def test_times_at_random(world, http):
    """Near and far, with and without a fraction."""
    behind_its_back(
        world,
        "INSERT INTO records SELECT 'time ' || i, '', timestamptz '4713-01-01 BC'"
        " + floor(random() * (CASE WHEN i % 2 = 0 THEN 109e6 ELSE 4.4e6 END))"
        " * interval '1 day' + floor(random() * 86400 * 10 ^ (i % 7))"
        " / 10 ^ (i % 7) * interval '1 second', '2000-01-01', 0"
        " FROM generate_series(1, 500) i",
    )
    rows = {key: row for key, row in world.rows().items() if key.startswith("time")}
    assert len(rows) == 500
    for key, (_, _, document) in rows.items():
        assert http.get(key).body == document.encode()


def test_what_a_trigger_made_of_it(world, http):
    """The row that is there is announced, not the one that was sent; and a key
    that the trigger changed is not taken for another one's."""
    world.sql(
        "CREATE FUNCTION louder() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.value := upper(NEW.value);"
        " IF NEW.key = 'renamed' THEN NEW.key := 'another'; END IF;"
        " RETURN NEW; END $$;"
        " CREATE TRIGGER louder BEFORE INSERT OR UPDATE ON records"
        " FOR EACH ROW EXECUTE FUNCTION louder()"
    )
    try:
        put(http, "records", "loud", {"value": "quiet\n"}, escapes=True)
        assert http.value("loud") == "QUIET\n"
        are_the_same_everywhere(world, "records", ["value"], ["loud"])
        http.put("renamed", "lost")
        writer = world.of("writer")[0]
        wait_until(
            lambda: writer.metrics()["sluice_writer_superseded_total"] == 1,
            10,
            "the row did not come back",
        )
        assert 'key="records/renamed"' in writer.events("write.superseded")[-1]
        assert http.value("renamed") is None
    finally:
        world.sql("DROP FUNCTION louder CASCADE")
