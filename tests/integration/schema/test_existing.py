"""A table that was there before Sluice, with rows and columns that no declaration
makes: integers of 32 bits as the key, a varchar, one that is not declared."""

import json

import pytest
from harness.client import key_path
from harness.wait import wait_until

JSON = {"Content-Type": "application/json", "Prefer": "wait=10"}
FILMS = {
    "name": "films",
    "key": {"name": "film_id", "type": "integer", "format": "int32"},
    "fields": {
        "title": {"type": "string", "maxLength": 80},
        "released": {"type": "string", "format": "date", "nullable": True},
        "minutes": {"type": "integer", "format": "int16", "nullable": True},
        "changed": {"type": "string", "format": "date-time-local", "nullable": True},
        "poster": {"type": "string", "format": "byte", "nullable": True},
    },
    "required": ["title"],
    "list": {"filter": ["released"], "order": ["title", "created_at"]},
}
TABLE = """
CREATE TABLE films (
    film_id serial PRIMARY KEY, title varchar(80) NOT NULL, released date,
    minutes smallint, changed timestamp, poster bytea, stars int DEFAULT 3,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(), version bigint NOT NULL DEFAULT 0);
INSERT INTO films (title, released, minutes, changed, poster)
    SELECT 'Film ' || i, date '2000-01-01' + i, 90, timestamp '2020-01-01 12:00:00',
    decode('00ff', 'hex') FROM generate_series(1, 50) i;
ALTER TABLE films OWNER TO sluice_migrate
"""
COLUMNS = "film_id, title, released, minutes, changed, encode(poster, 'base64') AS poster"


def migrate(deployment, folder):
    (folder / "films.json").write_text(json.dumps(FILMS))
    deployment.sql(TABLE)
    deployment.collections = str(folder)
    said = deployment.migrate().stdout.split("-- films\n")[1]
    assert "left to you" not in said
    again = deployment.migrate().stdout.split("-- films\n")[1]
    assert again == "the schema is up to date\n"


def start(deployment, folder):
    migrate(deployment, folder)
    return deployment.start_all().http


def rendered(deployment, key):
    ((row,),) = deployment.sql(
        f"SELECT (SELECT row_to_json(d) FROM (SELECT {COLUMNS}, created_at, updated_at)"
        " d)::text FROM films WHERE film_id = %s",
        key,
    )
    return row.encode()


def film(http, key):
    return http.request("GET", key_path(str(key), "films"))


def test_its_rows_are_documents(deployment, tmp_path):
    http = start(deployment, tmp_path)
    for key in (1, 50):
        # The replica may not have the new columns yet.
        wait_until(lambda key=key: film(http, key).status == 200, 20, "it is read")
        assert film(http, key).body == film(http, key).body == rendered(deployment, key)
    listed = http.request("GET", "/v1/films?order=title.asc&limit=100").json()
    assert len(listed) == 50
    few = http.request("GET", "/v1/films?released=lt.2000-01-05").json()
    assert [d["film_id"] for d in few] == [1, 2, 3]
    # A column that is not declared keeps its value, or gets its default.
    put = http.request("PUT", key_path("51", "films"), b'{"title":"New"}', JSON)
    assert put.status == 201, put
    stars = deployment.sql("SELECT stars FROM films WHERE film_id IN (1, 51)")
    assert stars == [(3,)] * 2


def test_its_keys_have_32_bits(deployment, tmp_path):
    http = start(deployment, tmp_path)
    for key in ("2147483648", "-2147483649"):
        assert film(http, key).status == 404
        answer = http.request("PUT", key_path(key, "films"), b'{"title":"x"}', JSON)
        assert answer.status == 422, answer
        body = f'{{"film_id":{key},"title":"x"}}'.encode()
        answer = http.request("POST", "/v1/films", body, JSON)
        assert answer.status == 422, answer
        assert "32-bit" in str(answer.json()), answer
    last = key_path("2147483647", "films")
    assert http.request("PUT", last, b'{"title":"x"}', JSON).status == 201
    # Keys that rows have are not given out.
    made = http.request("POST", "/v1/films", b'{"title":"made"}', JSON)
    assert made.status == 201, made
    key = int(made.header("Location").rsplit("/", 1)[1])
    assert 50 < key < 2**31
    schema = http.request("GET", "/openapi.json").json()["components"]["schemas"]
    assert schema["films_new"]["properties"]["film_id"]["format"] == "int32"


@pytest.mark.parametrize("epoch", [1, 0])
def test_the_first_write_of_the_log(deployment, tmp_path, epoch):
    """It takes effect on a row that has version 0. A database of an earlier Sluice
    is in epoch 0, where this write has version 0, too: caches that have the row cannot
    tell both apart (docs/adopt.md)."""
    # The first --migrate of a database finds the table.
    deployment.sql("DELETE FROM sluice.log")
    deployment.sql("DELETE FROM sluice.progress")
    migrate(deployment, tmp_path)
    assert deployment.sql("SELECT DISTINCT next_offset FROM sluice.progress") == [(1 << 48,)]
    if epoch == 0:
        deployment.sql("UPDATE sluice.log SET epoch = 0")
        deployment.sql("UPDATE sluice.progress SET next_offset = 0")
    http = deployment.start_all().http
    before = film(http, 1)
    assert before.header("ETag") == '"0"', before
    put = http.request("PUT", key_path("1", "films"), b'{"title":"first"}', JSON)
    assert put.status == 200, put
    assert int(put.position.split("-")[1]) == epoch << 48
    after = {"Sluice-Read-After": put.position}
    assert put.header("ETag") == f'"{epoch << 48}"'
    title = deployment.sql("SELECT title FROM films WHERE film_id = 1")
    assert title == [("first",)]
    if epoch:
        read = http.request("GET", key_path("1", "films"), headers=after)
        assert read.json()["title"] == "first", read
        assert read.header("ETag") == put.header("ETag")
    # The first write of another partition deletes a row.
    for key in range(2, 30):
        gone = http.request("DELETE", key_path(str(key), "films"), None, JSON)
        assert gone.status == 204, gone
    assert deployment.sql("SELECT count(*) FROM films WHERE film_id < 30") == [(1,)]
    deployment.wait_projected()
