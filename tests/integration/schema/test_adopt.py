"""A database that other programs made is adopted whole: sluice-writer --adopt prints
the declarations, the daemons take them as they are, and every row is read through the
API. What cannot be a collection is told, with the reason. The schema is in the style
of the well-known sample databases: a video store with names in two styles."""

import json

import pytest
from harness import cli
from harness.client import key_path
from harness.servers import at_database
from harness.wait import wait_until

JSON = {"Content-Type": "application/json", "Prefer": "wait=10"}
ROWS = 60
TABLES = """
CREATE SCHEMA store;
SET search_path = store;
CREATE DOMAIN year AS int CHECK (VALUE BETWEEN 1901 AND 2155);
CREATE TYPE rating AS ENUM ('G', 'PG', 'R');
CREATE TABLE language (language_id serial PRIMARY KEY, name char(20) NOT NULL,
    last_update timestamp NOT NULL DEFAULT now());
CREATE TABLE "Film" ("FilmId" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "Title" varchar(255) NOT NULL, description text, "ReleaseYear" year,
    "LanguageId" int NOT NULL REFERENCES language,
    rental_rate numeric(4,2) NOT NULL DEFAULT 4.99, length smallint,
    score double precision, weight real, replacement_cost numeric NOT NULL DEFAULT 19.99,
    rating rating DEFAULT 'G', special_features text[], poster bytea,
    facts jsonb DEFAULT '{}', active boolean NOT NULL DEFAULT true,
    length_hours numeric GENERATED ALWAYS AS (length / 60.0) STORED,
    "order" int NOT NULL DEFAULT 0, version int NOT NULL DEFAULT 7,
    CHECK (length > 0 AND length <= 999), CHECK (rental_rate >= 0),
    CHECK (char_length(description) <= 5000), CHECK (rental_rate < replacement_cost));
COMMENT ON TABLE "Film" IS 'What may be "rented".';
CREATE INDEX ON "Film" ("Title");
CREATE INDEX ON "Film" (length);
CREATE TABLE customer (email varchar(50) NOT NULL UNIQUE,
    customer_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL DEFAULT 'private' CHECK (kind IN ('private', 'it''s a firm')),
    born date, called_at time, create_date timestamptz NOT NULL DEFAULT now());
CREATE TABLE visit (visit_id int PRIMARY KEY, ip inet NOT NULL, net cidr, meta json,
    numbers int[] NOT NULL DEFAULT '{}', seen timestamptz[], names varchar(9)[],
    mood rating NOT NULL, rank bigint GENERATED ALWAYS AS IDENTITY,
    label text NOT NULL GENERATED ALWAYS AS ('v' || visit_id) STORED);
CREATE INDEX ON visit (ip);
CREATE INDEX ON visit (mood);
CREATE TABLE country (code varchar(2) PRIMARY KEY, name text NOT NULL);
CREATE TABLE rental (rental_id bigserial PRIMARY KEY, film int REFERENCES "Film",
    customer uuid NOT NULL REFERENCES customer, country varchar(2) REFERENCES country,
    rented_at timestamptz NOT NULL, UNIQUE (film, customer, rented_at));
CREATE TABLE film_actor (actor_id int, film_id int, PRIMARY KEY (actor_id, film_id));
CREATE TABLE log (at timestamptz, text text);
CREATE TABLE place (place_id int PRIMARY KEY, at point NOT NULL);
CREATE TABLE price (amount numeric PRIMARY KEY, name text);
CREATE TABLE payment (payment_id int PRIMARY KEY, paid numeric) PARTITION BY RANGE (payment_id);
CREATE TABLE payment_1 PARTITION OF payment FOR VALUES FROM (0) TO (100);
CREATE TABLE only_key (id int PRIMARY KEY);
CREATE VIEW film_list AS SELECT "Title" FROM "Film";
INSERT INTO language (name) VALUES ('English'), ('Deutsch');
INSERT INTO "Film" ("Title", description, "ReleaseYear", "LanguageId", rental_rate, length,
    score, weight, poster, facts) SELECT 'Film ' || i, CASE WHEN i % 3 > 0 THEN 'line' || chr(10)
    || i END, 1990 + i % 30, 1 + i % 2, i % 10 + 0.99, nullif(i, 13), i / 7.0, i / 3.0,
    decode('00ff', 'hex'), jsonb_build_object('n', i) FROM generate_series(1, 60) i;
INSERT INTO customer (email, born, called_at) SELECT i || '@example.org',
    date '1980-01-31' + i, time '12:00:00.5' FROM generate_series(1, 60) i;
INSERT INTO country VALUES ('de', 'Deutschland'), ('nz', 'Aotearoa');
INSERT INTO visit (visit_id, ip, net, meta, numbers, seen, names, mood) SELECT i,
    ('10.1.2.' || i || CASE WHEN i % 2 = 0 THEN '/16' ELSE '' END)::inet, '10.1.0.0/16',
    CASE WHEN i % 3 > 0 THEN json_build_object('b', i, 'a', '[1, 2]'::json) END, ARRAY[i, NULL, -i],
    CASE WHEN i % 2 = 0 THEN ARRAY['2026-01-31 12:00:00.5Z', NULL]::timestamptz[] END,
    ARRAY['a,"b"', ''], (enum_range(NULL::rating))[1 + i % 3] FROM generate_series(1, 60) i;
INSERT INTO rental (film, customer, country, rented_at) SELECT row_number() OVER (), customer_id,
    'nz', timestamptz '2026-01-31 12:00:00.123456Z' FROM customer;
"""
REFUSED = {
    "film_actor": "its primary key has several columns (actor_id, film_id)",
    "log": "it has no key",
    "place": "the column at must have a value, but no field has its type, point",
    "price": "its key amount is of the type numeric",
    "payment": "it is partitioned",
    "payment_1": "it is a partition of another table",
    "only_key": "it has no column beside its key",
    "film_list": "it is a view",
}
# What the declaration of a table does not have, and why.
LOST = [
    "store.visit.meta: declared as an object",
    "store.Film.score: its numbers are rounded as double precision does",
    "store.Film: not declared, only Postgres checks it: ",
    "store.language.last_update: the default ",
    "store.language.name: blanks at the end of a value are not part of it",
]
# Each document, as row_to_json has it. char(n) comes without its blanks.
DOCUMENTS = {
    "language": 'language_id, rtrim(name) AS name, to_char(last_update, \'YYYY-MM-DD"T"HH24:MI:SS.US\')',
    "film": '"FilmId" AS film_id, "Title" AS title, description, "ReleaseYear" AS release_year,'
    ' "LanguageId" AS language_id, rental_rate, length, score, weight, replacement_cost,'
    " rating, special_features, length_hours,"
    " encode(poster, 'base64') AS poster, facts, active, \"order\", version AS version_18",
    "customer": "customer_id, email, kind, born, called_at, create_date",
    "visit": "*",
    "country": "code, name",
    "rental": "rental_id, film, customer, country, rented_at",
}
STORED = {"film": '"Film"'}


def adopt(deployment, *args):
    """By the superuser: it reads the catalog only."""
    settings = deployment.settings("migrate")
    settings["primary.url"] = at_database(deployment.servers.primary_admin_url, deployment.name)
    every = [f"--{name}={value}" for name, value in settings.items()]
    return cli.run(deployment.servers, "writer", *every, *args)


@pytest.fixture(scope="module")
def store(module_deployment, tmp_path_factory):
    deployment = module_deployment
    folder = tmp_path_factory.mktemp("store")
    deployment.sql(TABLES)
    deployment.said = adopt(deployment, "--adopt=store.*", f"--into={folder}")
    deployment.folder = folder
    deployment.collections = str(folder)
    granted = adopt(deployment, "--migrate", "--grants", "--apply")
    assert granted.returncode == 0, granted
    migrated = deployment.migrate(code=1).stdout
    for line in migrated.splitlines():
        if "; as its owner, run: " in line:
            deployment.sql(line.split("run: ")[1])
    deployment.migrate()
    deployment.start_all()
    http = deployment.of("api")[0].http
    wait_until(lambda: len(http.request("GET", "/v1/rental?limit=100").json()) == ROWS, 20, "rows")
    return deployment


def test_what_it_says(store):
    said = store.said
    assert said.returncode == 3 and said.stdout == "", said
    told = said.stderr.splitlines()
    refused = [line for line in told if ": not adopted: " in line]
    assert len(refused) == len(REFUSED), refused
    for table, why in REFUSED.items():
        assert any(line.startswith(f"store.{table}: not adopted: {why}") for line in refused), refused
    for start in LOST:
        assert any(line.startswith(start) for line in told), (start, told)
    assert {p.stem for p in store.folder.iterdir()} == DOCUMENTS.keys()


def test_the_declarations(store):
    """They have what the catalog has."""
    film = json.loads((store.folder / "film.json").read_text())
    assert film["description"] == 'What may be "rented".'
    assert film["table"] == "store.Film" and film["times"] is False
    assert film["key"] == {"type": "integer", "format": "int32", "name": "film_id"}
    assert film["columns"]["release_year"] == "ReleaseYear"
    assert film["columns"]["version"] == "sluice_version"
    fields = film["fields"]
    assert fields["title"] == {"type": "string", "maxLength": 255}
    assert fields["description"] == {"type": "string", "nullable": True, "maxLength": 5000}
    assert fields["length"] == {
        "type": "integer", "format": "int16", "nullable": True, "exclusiveMinimum": 0, "maximum": 999
    }  # fmt: skip
    assert fields["rental_rate"] == {"type": "number", "minimum": 0, "default": 4.99}
    assert fields["facts"] == {"type": "object", "nullable": True, "default": {}}
    assert fields["rating"] == {
        "type": "string", "nullable": True, "enum": ["G", "PG", "R"],
        "columnType": "store.rating", "default": "G"
    }  # fmt: skip
    assert fields["special_features"] == {"type": "array", "nullable": True, "items": {"type": "string"}}
    assert fields["length_hours"] == {"type": "number", "nullable": True, "readOnly": True}
    visit = json.loads((store.folder / "visit.json").read_text())
    assert visit["fields"]["ip"] == {"type": "string", "format": "inet"}
    assert visit["fields"]["net"] == {"type": "string", "format": "cidr", "nullable": True}
    assert visit["fields"]["meta"] == {"type": "object", "nullable": True}
    assert visit["fields"]["numbers"] == {
        "type": "array", "items": {"type": "integer", "format": "int32"}, "default": []
    }  # fmt: skip
    assert visit["fields"]["names"]["items"] == {"type": "string", "maxLength": 9}
    assert visit["fields"]["rank"] == {"type": "integer", "readOnly": True}
    assert visit["required"] == ["ip", "mood"]
    assert visit["list"] == {"filter": ["ip", "mood"], "order": ["ip", "mood"]}
    assert film["required"] == ["title", "language_id"]
    assert film["references"] == {"language_id": "language"}
    assert film["list"] == {"filter": ["title", "length"], "order": ["title", "length"]}
    customer = json.loads((store.folder / "customer.json").read_text())
    assert customer["fields"]["kind"] == {
        "type": "string", "enum": ["private", "it's a firm"], "default": "private"
    }  # fmt: skip
    assert customer["fields"]["create_date"]["default"] == {"now": True}
    assert customer["unique"] == [["email"]]
    rental = json.loads((store.folder / "rental.json").read_text())
    assert rental["references"] == {"film": "film", "customer": "customer", "country": "country"}
    assert rental["unique"] == [["film", "customer", "rented_at"]]


def rendered(store, collection):
    table = f"store.{STORED.get(collection, collection)}"
    columns = DOCUMENTS[collection]
    rows = store.sql(
        f"SELECT (SELECT row_to_json(d) FROM (SELECT {columns}) d)::text FROM {table} t"
        if columns != "*"
        else f"SELECT to_jsonb(t) - 'version' FROM {table} t"
    )
    return [json.loads(row) if isinstance(row, str) else row for (row,) in rows]


@pytest.mark.parametrize("collection", DOCUMENTS)
def test_all_rows_are_read(store, collection):
    http = store.of("api")[0].http
    want = rendered(store, collection)
    listed = http.request("GET", f"/v1/{collection}?limit=1000").json()
    if collection == "language":  # rendered as RFC 3339 writes it
        listed = [{**d, "last_update": 0} for d in listed]
        want = [{**d, "last_update": 0} for d in ({k: v for k, v in d.items() if k != "to_char"} for d in want)]
    order = lambda d: json.dumps(d, sort_keys=True)
    assert sorted(listed, key=order) == sorted(want, key=order)
    name = next(iter(listed[0]))
    for document in listed[:5]:
        one = http.request("GET", key_path(str(document[name]), collection))
        assert one.status == 200 and one.json()[name] == document[name]
        assert one.header("ETag") == '"0"'


def test_a_row_is_written(store):
    http = store.of("api")[0].http
    ask = lambda method, path, body, **more: http.request(
        method, path, json.dumps(body).encode(), {**JSON, **more}
    )
    made = ask("POST", "/v1/film", {"title": "New", "language_id": 2, "score": 0.1, "weight": 0.1})
    assert made.status == 201, made
    key = made.header("Location").rsplit("/", 1)[1]
    patch = {"Content-Type": "application/merge-patch+json"}
    assert ask("PATCH", key_path(key, "film"), {"rental_rate": 1.005}, **patch).status == 200
    row = store.sql(
        'SELECT "Title", rental_rate::text, score, weight::text, rating::text, length_hours,'
        ' version FROM store."Film" WHERE "FilmId" = %s', key
    )  # fmt: skip
    assert row == [("New", "1.01", 0.1, "0.1", "G", None, 7)]
    after = {"Sluice-Read-After": made.position, "Cache-Control": "no-cache"}
    read = http.request("GET", key_path(key, "film"), headers=after).json()
    assert (read["rental_rate"], read["weight"], read["version_18"]) == (1.01, 0.1, 7)
    # Only Postgres knows these constraints.
    dear = ask("PATCH", key_path(key, "film"), {"rental_rate": 50}, **patch)
    assert (dear.status, dear.problem) == (409, "constraint-violation"), dear
    year = ask("PATCH", key_path(key, "film"), {"release_year": 1800}, **patch)
    assert year.status == 409 or year.status == 422, year
    long_key = http.request("PUT", key_path("xyz", "country"), b'{"name":"x"}', JSON)
    assert long_key.status == 422, long_key
    missing = ask("PATCH", key_path(key, "film"), {"language_id": 99}, **patch)
    assert (missing.status, missing.problem) == (409, "constraint-violation"), missing
    store.wait_projected()


def test_wide_types_are_written(store):
    http = store.of("api")[0].http
    ask = lambda method, key, body, **more: http.request(
        method, key_path(key, "visit"), json.dumps(body).encode(), {**JSON, **more}
    )
    whole = {
        "ip": "2001:db8::1/64", "net": "192.0.2.0/24", "meta": {"b": 1, "a": [1, 2.50]},
        "numbers": [3, None, 7.0], "seen": ["2026-01-31T12:00:00+02:00"],
        "names": ["x,y", 'a"\\'], "mood": "PG"
    }  # fmt: skip
    representation = {"Prefer": "wait=10, return=representation"}
    made = ask("PUT", "100", {**whole, "numbers": [3, 7.0]}, **representation)
    assert made.status == 201, made
    document = made.json()
    row = "SELECT to_jsonb(t) - 'version' FROM store.visit t WHERE visit_id = 100"
    assert document == store.sql(row)[0][0], document
    assert document["label"] == "v100" and isinstance(document["rank"], int)
    assert (document["ip"], document["numbers"]) == ("2001:db8::1/64", [3, 7])
    assert document["names"] == whole["names"]
    # The database's value of the moment of the commit is what caches have.
    patch = {"Content-Type": "application/merge-patch+json"}
    assert ask("PATCH", "100", {"mood": "R", "numbers": []}, **patch).status == 200
    got = http.request("GET", key_path("100", "visit")).json()
    assert got == store.sql(row)[0][0] and (got["mood"], got["numbers"]) == ("R", [])
    bad = {
        "mood": "X", "ip": "10.0.0.256", "net": "10.1.2.3/16", "names": ["0123456789"],
        "numbers": ["1"], "seen": [7], "rank": 7, "label": "x"
    }  # fmt: skip
    for name, value in bad.items():
        refused = ask("PATCH", "100", {name: value}, **patch)
        assert refused.status == 422 and f'"/{name}"' in refused.body.decode(), (name, refused)
    nothing = ask("PATCH", "100", {"numbers": [1, None]}, **patch)
    assert nothing.status == 422 and "element 1 must not be null" in nothing.body.decode(), nothing
    schemas = http.request("GET", "/openapi.json").json()["components"]["schemas"]
    read = schemas["visit_document"]["properties"]
    assert read["label"] == {"type": "string", "readOnly": True} and "label" not in schemas[
        "visit_put"]["properties"]  # fmt: skip
    assert read["mood"]["enum"] == ["G", "PG", "R"]
    assert read["numbers"]["items"] == {"type": "integer", "format": "int32"}
    assert "read-only" in ask("PATCH", "100", {"label": "x"}, **patch).body.decode()
    store.wait_projected()


def test_wide_types_are_filtered(store):
    http = store.of("api")[0].http
    get = lambda query: http.request("GET", f"/v1/visit?{query}")
    keys = lambda query: [d["visit_id"] for d in get(query).json()]
    assert keys("ip=eq.10.1.2.7") == [7]
    assert keys("ip=in.(10.1.2.7,10.1.2.8%2F16)") == [7, 8]
    want = store.sql("SELECT visit_id FROM store.visit WHERE mood = 'PG' AND visit_id < 100 ORDER BY 1")
    assert keys("mood=eq.PG&limit=50") == [key for (key,) in want]
    assert len(keys("mood=in.(G,PG)&visit_id=lt.100&limit=100")) == 40
    for query in ("mood=eq.X", "ip=eq.ten", "mood=like.P*", "numbers=eq.1", "mood=in.(G,X)"):
        assert get(query).status == 400, query
    # The order of an enum type is that of its values.
    pages, path = [], "/v1/visit?order=mood.desc&limit=7&visit_id=lt.100"
    while path:
        page = http.request("GET", path)
        pages += [d["visit_id"] for d in page.json()]
        link = page.header("Link")
        path = link[link.index("<") + 1 : link.index(">")] if link and 'rel="next"' in link else None
    want = store.sql(
        "SELECT visit_id FROM store.visit WHERE visit_id < 100 ORDER BY mood DESC, visit_id DESC"
    )
    assert pages == [key for (key,) in want]
    export = http.request("GET", "/v1/visit/_export?mood=eq.R&ip=lt.10.1.2.9")
    assert export.status == 200 and export.body.count(b"\n") > 1, export


def test_one_table(store, tmp_path):
    one = adopt(store, "--adopt", "store.country")
    assert one.returncode == 0, one
    assert one.stdout == (store.folder / "country.json").read_text()
    both = adopt(store, "--adopt=store.country", "--adopt=store.customer")
    assert both.returncode == 1 and "--into" in both.stderr, both
    none = adopt(store, "--adopt=store.nothing")
    assert none.returncode == 1 and "there is no table store.nothing" in none.stderr, none
    view = adopt(store, "--adopt=store.film_list")
    assert view.returncode == 3 and view.stdout == "", view
    again = adopt(store, "--adopt=store.country", f"--into={store.folder}")
    assert again.returncode == 1 and "country.json" in again.stderr, again
    assert adopt(store, f"--into={tmp_path}").returncode == 2
