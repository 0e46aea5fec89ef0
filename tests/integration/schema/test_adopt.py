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
    readings real[], sums numeric(6,2)[], ratios double precision[], files bytea[], moods rating[],
    mood rating NOT NULL, rank bigint GENERATED ALWAYS AS IDENTITY,
    label text NOT NULL GENERATED ALWAYS AS ('v' || visit_id) STORED);
CREATE INDEX ON visit (ip);
CREATE INDEX ON visit (mood);
CREATE TABLE country (code varchar(2) PRIMARY KEY, name text NOT NULL);
CREATE TABLE rental (rental_id bigserial PRIMARY KEY, film int REFERENCES "Film",
    customer uuid NOT NULL REFERENCES customer, country varchar(2) REFERENCES country,
    rented_at timestamptz NOT NULL, UNIQUE (film, customer, rented_at));
CREATE TABLE film_actor (actor_id int, film_id int, PRIMARY KEY (actor_id, film_id));
CREATE TABLE line (note text, number int, day date, shop varchar(20), product uuid,
    amount int NOT NULL DEFAULT 1, twice int GENERATED ALWAYS AS (amount * 2) STORED,
    film int REFERENCES "Film", PRIMARY KEY (shop, day, number));
CREATE INDEX ON line (amount);
CREATE TABLE ledger (at timestamptz, account char(6), day timestamp, clock time, open boolean,
    mood rating, big numeric(12,0), note text, paid numeric(9,0) NOT NULL DEFAULT 0, seen timestamp(0),
    kind char(3), PRIMARY KEY (account, at, day, clock, open, mood, big));
CREATE INDEX ON ledger (kind);
CREATE TABLE invoice (shop varchar(9), no int, note text, PRIMARY KEY (shop, no));
CREATE TABLE invoice_item (no int, shop varchar(9), n int, film int REFERENCES "Film", note text,
    PRIMARY KEY (shop, no, n), FOREIGN KEY (no, shop) REFERENCES invoice (no, shop));
CREATE DOMAIN label AS text NOT NULL DEFAULT 'none' CHECK (VALUE <> '');
CREATE TABLE shelf (shelf_id int PRIMARY KEY, state text NOT NULL CHECK (state IN ('stateful', 'stateless')),
    n int NOT NULL DEFAULT 0 CHECK (n > 0), m numeric DEFAULT 1 CHECK (m >= -5) CHECK (m > -9), code varchar(3) DEFAULT 'abcd',
    e text DEFAULT 'e' CHECK (e IN ('e', 'f', 'g')) CHECK (e IN ('e', 'f')), place int UNIQUE DEFERRABLE INITIALLY DEFERRED,
    film int REFERENCES "Film" ON DELETE SET NULL DEFERRABLE, lot int, bin int, label label, name label NOT NULL DEFAULT 'x',
    version text, sluice_version bigint NOT NULL DEFAULT 0, UNIQUE (place));
CREATE UNIQUE INDEX shelf_lot ON shelf (lot) INCLUDE (bin);
CREATE UNIQUE INDEX shelf_bin ON shelf (bin) WHERE lot > 1;
CREATE TABLE box ("Version" int PRIMARY KEY, key text, "Key 2" text, "KEY 2" text, key_2_3 text);
CREATE TABLE base (id int PRIMARY KEY, n int);
CREATE TABLE derived (PRIMARY KEY (id)) INHERITS (base);
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE tag (name text COLLATE loose PRIMARY KEY, n int);
CREATE TABLE tags (name varchar(9) COLLATE loose, n int, v int, PRIMARY KEY (n, name));
CREATE TABLE till (till_id numeric(10,0) PRIMARY KEY, name text);
CREATE TABLE probe (at inet, n int, PRIMARY KEY (at, n));
CREATE TABLE tick (at timestamptz(3), n int, PRIMARY KEY (at, n));
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
INSERT INTO visit (visit_id, readings, sums, ratios, files, moods, ip, net, meta, numbers, seen, names, mood)
    SELECT i, ARRAY[0.1, NULL, 1e20], ARRAY[i, 0.5], CASE WHEN i % 2 = 0 THEN ARRAY[i / 3.0] END,
    ARRAY[''::bytea, decode(repeat('00ff', i), 'hex'), NULL], CASE WHEN i % 4 > 0 THEN '{}' ELSE '{R,NULL,PG}' END::rating[],
    ('10.1.2.' || i || CASE WHEN i % 2 = 0 THEN '/16' ELSE '' END)::inet, '10.1.0.0/16',
    CASE WHEN i % 3 > 0 THEN json_build_object('b', i, 'a', '[1, 2]'::json) END, ARRAY[i, NULL, -i],
    CASE WHEN i % 2 = 0 THEN ARRAY['2026-01-31 12:00:00.5Z', NULL]::timestamptz[] END,
    ARRAY['a,"b"', ''], (enum_range(NULL::rating))[1 + i % 3] FROM generate_series(1, 60) i;
INSERT INTO film_actor SELECT i / 7, i FROM generate_series(1, 60) i;
INSERT INTO line (shop, day, number, amount, film) SELECT
    (ARRAY['a', 'a,b', 'a%2C', '', 'é ö/?#'])[1 + i % 5], date '2026-01-31' + i / 10, i - 30, i % 4,
    i FROM generate_series(1, 60) i;
INSERT INTO ledger SELECT timestamptz '2026-01-31 12:00:00.5Z' + i * interval '1 day', 'A' || i % 3,
    timestamp '2026-01-31 12:00:00' + i * interval '0.25 s', time '12:00' + i * interval '1 s',
    i % 2 = 0, (enum_range(NULL::rating))[1 + i % 3], 10000000000 * (i % 5), 'n' || i, i, now(), 'k' || i % 4
    FROM generate_series(1, 60) i;
INSERT INTO invoice SELECT 's' || i % 3, i, 'x' FROM generate_series(1, 60) i;
INSERT INTO invoice_item SELECT i, 's' || i % 3, i % 7, i, 'y' FROM generate_series(1, 60) i;
INSERT INTO till SELECT i, 't' || i FROM generate_series(1, 60) i;
INSERT INTO shelf (shelf_id, state, n, code) SELECT i, 'stateful', 1, 'abc' FROM generate_series(1, 3) i;
INSERT INTO box VALUES (1, 'a', 'b', 'c', 'd');
INSERT INTO rental (film, customer, country, rented_at) SELECT row_number() OVER (), customer_id,
    'nz', timestamptz '2026-01-31 12:00:00.123456Z' FROM customer;
"""
REFUSED = {
    "probe": "the column at of its primary key cannot be a part of a key",
    "tick": "the column at of its primary key cannot be a part of a key",
    "log": "it has no key",
    "base": "other tables inherit from it",
    "tag": "its key name has a collation in which different texts are equal",
    "tags": "the column name of its primary key has a collation in which",
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
    "store.visit.readings: its numbers are rounded as real[] does",
    "store.visit.sums: its numbers are rounded as numeric(6,2)[] does",
    "store.Film.score: its numbers are rounded as double precision does",
    "store.Film: not declared, only Postgres checks it: ",
    "store.language.last_update: the default ",
    "store.language.name: blanks at the end of a value are not part of it",
    "store.shelf.n: the default 0 is not expressible: the field is required",
    "store.shelf.code: the default 'abcd'::character varying is not expressible",
    "store.shelf: not declared, only Postgres checks it: shelf_e_check CHECK",
    "store.shelf: not declared, only Postgres checks it: shelf_bin CREATE UNIQUE INDEX",
    "store.shelf: not declared, only Postgres checks it: label_check CHECK",
    "store.shelf: if Sluice deletes what shelf_film_fkey refers to, Postgres changes rows here",
    "store.ledger.seen: its times are rounded as timestamp(0) without time zone does",
]
# Each document, as row_to_json has it. char(n) comes without its blanks.
DOCUMENTS = {
    "language": 'language_id, rtrim(name) AS name, to_char(last_update, \'YYYY-MM-DD"T"HH24:MI:SS.US\')',
    "film": '"FilmId" AS film_id, "Title" AS title, description, "ReleaseYear" AS release_year,'
    ' "LanguageId" AS language_id, rental_rate, length, score, weight, replacement_cost,'
    " rating, special_features, length_hours,"
    " encode(poster, 'base64') AS poster, facts, active, \"order\", version AS version_18",
    "customer": "customer_id, email, kind, born, called_at, create_date",
    "visit": "visit_id, ip, net, meta, numbers, seen, names, readings, sums, ratios, moods, mood, rank, label,"
    " (SELECT json_agg(replace(encode(v, 'base64'), chr(10), '')) FROM unnest(files) v) AS files",
    "line": "*",
    "film_actor": "*",
    "ledger": "at, rtrim(account) AS account, day, clock, open, mood, big, note, paid, seen, rtrim(kind) AS kind",
    "till": "*",
    "shelf": "shelf_id, state, n, m, code, e, place, film, lot, bin, label, name, version AS version_13",
    "box": '"Version" AS key, key AS key_2, "Key 2" AS key_2_3, "KEY 2" AS key_2_4, key_2_3 AS key_2_3_5',
    "derived": "id, n",
    "invoice": "*",
    "invoice_item": "*",
    "country": "code, name",
    "rental": "rental_id, film, customer, country, rented_at",
}
STORED = {"film": '"Film"'}


# A table that Sluice makes, with a key of several fields.
SLOTS = {
    "name": "slots",
    "key": ["room", "day"],
    "fields": {
        "day": {"type": "string", "format": "date"},
        "price": {"type": "number"},
        "room": {"type": "string", "maxLength": 20},
        "until": {"type": "string", "format": "date-time", "nullable": True},
    },
    "required": ["price"],
    "expires": "until",
    "list": {"filter": ["room"], "order": ["price", "created_at"], "indexes": [["room", "price.desc"]]},
}

BOOKINGS = {
    "name": "bookings",
    "key": ["room", "day"],
    "fields": {"day": {"type": "string", "format": "date"}, "room": {"type": "string", "maxLength": 20}},
}
NOTES = {
    "name": "notes",
    "key": {"type": "string"},
    "fields": {
        "on": {"type": "string", "format": "date", "nullable": True},
        "room": {"type": "string", "maxLength": 20},
        "follows": {"type": "string", "maxLength": 20, "nullable": True},
    },
    "required": ["room"],
    "references": [
        {"fields": ["room", "on"], "collection": "bookings"},
        {"fields": ["follows"], "collection": "notes"},
    ],
}


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
    own = tmp_path_factory.mktemp("own")
    for d in (SLOTS, BOOKINGS, NOTES):
        (own / f"{d['name']}.json").write_text(json.dumps(d))
    deployment.collections = f"{folder}:{own}"
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
    for name in ("readings", "sums", "ratios"):
        assert visit["fields"][name] == {"type": "array", "nullable": True, "items": {"type": "number"}}
    assert visit["fields"]["files"]["items"] == {"type": "string", "format": "byte"}
    assert visit["fields"]["moods"]["items"] == {
        "type": "string", "enum": ["G", "PG", "R"], "columnType": "store.rating"
    }  # fmt: skip
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
    shelf = json.loads((store.folder / "shelf.json").read_text())
    assert shelf["columns"] == {"version_13": "version", "version": "sluice_version"}
    assert shelf["unique"] == [["lot"], ["place"]] and shelf["references"] == {"film": "film"}
    assert shelf["required"] == ["state", "n"] and shelf["fields"] | {
        "state": {"type": "string", "enum": ["stateful", "stateless"]},
        "n": {"type": "integer", "format": "int32", "exclusiveMinimum": 0},
        "m": {"type": "number", "nullable": True, "minimum": -5, "default": 1},
        "code": {"type": "string", "nullable": True, "maxLength": 3},
        "e": {"type": "string", "nullable": True, "enum": ["e", "f"], "default": "e"},
        "label": {"type": "string", "default": "none"},
        "name": {"type": "string", "default": "x"},
    } == shelf["fields"]
    rental = json.loads((store.folder / "rental.json").read_text())
    assert rental["references"] == {"film": "film", "customer": "customer", "country": "country"}
    assert rental["unique"] == [["film", "customer", "rented_at"]]


def parts(document, names):
    """A key of several columns."""
    text = lambda v: v if isinstance(v, str) else json.dumps(v)
    encoded = (text(document[n]).replace("%", "%25").replace(",", "%2C") for n in names)
    return ",".join(encoded)


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
    declared = json.loads((store.folder / f"{collection}.json").read_text())["key"]
    for document in listed[:5]:
        key = parts(document, declared) if isinstance(declared, list) else document[declared["name"]]
        one = http.request("GET", key_path(str(key), collection))
        assert one.status == 200 and {**one.json(), "last_update": 0} == {**document, "last_update": 0}
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
        "names": ["x,y", 'a"\\'], "mood": "PG", "readings": [0.1, 16777217], "sums": [1.005, 7],
        "ratios": [], "files": ["AP8=", "", "A" * 100], "moods": ["PG", "G"]
    }  # fmt: skip
    representation = {"Prefer": "wait=10, return=representation"}
    made = ask("PUT", "100", {**whole, "numbers": [3, 7.0]}, **representation)
    assert made.status == 201, made
    document = made.json()
    row = (
        "SELECT to_jsonb(t) - 'version' || jsonb_build_object('files', (SELECT json_agg(replace("
        "encode(v, 'base64'), chr(10), '')) FROM unnest(files) v)) FROM store.visit t WHERE visit_id = 100"
    )
    assert document == store.sql(row)[0][0], document
    assert document["label"] == "v100" and isinstance(document["rank"], int)
    assert (document["ip"], document["numbers"]) == ("2001:db8::1/64", [3, 7])
    assert document["names"] == whole["names"] and document["files"] == whole["files"]
    assert (document["sums"], document["moods"]) == ([1.01, 7], ["PG", "G"]), document
    # The database's value of the moment of the commit is what caches have.
    patch = {"Content-Type": "application/merge-patch+json"}
    assert ask("PATCH", "100", {"mood": "R", "numbers": []}, **patch).status == 200
    got = http.request("GET", key_path("100", "visit")).json()
    assert got == store.sql(row)[0][0] and (got["mood"], got["numbers"]) == ("R", [])
    bad = {
        "mood": "X", "ip": "10.0.0.256", "net": "10.1.2.3/16", "names": ["0123456789"],
        "numbers": ["1"], "sums": ["1"], "files": ["AP8"], "moods": ["X"], "seen": [7], "rank": 7, "label": "x"
    }  # fmt: skip
    for name, value in bad.items():
        refused = ask("PATCH", "100", {name: value}, **patch)
        assert refused.status == 422 and f'"/{name}"' in refused.body.decode(), (name, refused)
    large = ask("PATCH", "100", {"sums": [99999]}, **patch)  # only Postgres knows
    assert large.status in (409, 422) and http.request("GET", key_path("100", "visit")).json() == got, large
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


LINE = ("shop", "day", "number")
IN_ORDER = 'shop COLLATE "C", day, number'


def all_pages(http, path):
    found = []
    while path:
        page = http.request("GET", path)
        assert page.status == 200, page
        found += page.json()
        link = page.header("Link")
        path = link[link.index("<") + 1 : link.index(">")] if link and 'rel="next"' in link else None
    return found


def test_keys_of_several_columns_are_read(store):
    http = store.of("api")[0].http
    line = json.loads((store.folder / "line.json").read_text())
    assert line["key"] == [*LINE] and line["references"] == {"film": "film"}
    assert line["list"]["filter"] == ["shop", "amount"]
    want = lambda order: [key for (key,) in store.sql(
        f"SELECT shop || '/' || day || '/' || number FROM store.line ORDER BY {order}")]  # fmt: skip
    got = lambda query: ["/".join(str(d[n]) for n in LINE) for d in all_pages(http, f"/v1/line?limit=7{query}")]
    assert got("") == want(IN_ORDER)
    assert got("&order=key.desc") == want('shop COLLATE "C" DESC, day DESC, number DESC')
    assert got("&order=amount") == want(f"amount, {IN_ORDER}")
    assert got("&shop=eq.a%2Cb") == [key for key in want(IN_ORDER) if key.startswith("a,b/")]
    some = http.request("GET", "/v1/line?select=number,shop&limit=1&order=key").json()
    assert list(some[0]) == ["number", "shop"] or list(some[0]) == ["shop", "number"], some
    for query in ("select=key", "key=eq.a", "order=nothing"):
        assert http.request("GET", f"/v1/line?{query}").status == 400, query
    csv = http.request("GET", "/v1/line?limit=1", headers={"Accept": "text/csv"})
    assert csv.body.startswith(b"note,number,day,shop,product,amount,twice,film\r\n"), csv
    missing = ["a,2026-01-31,999", "a,2026-01-31", "a,2026-01-31,1,1", "a,2026-01-31,x", "a,2026-01-31,01",
               "a,31.1.2026,1", "a%,2026-01-31,1", "a%2c,2026-01-31,1", "a,,1", ",,", ","]  # fmt: skip
    for key in missing:
        assert http.request("GET", key_path(key, "line")).status == 404, key
        put = http.request("PUT", key_path(key, "line"), b'{"note":""}', JSON)
        assert put.status == 422 or key == missing[0], (key, put)


def test_keys_of_several_columns_are_written(store):
    http = store.of("api")[0].http
    ask = lambda method, path, body=None, **more: http.request(
        method, path, None if body is None else json.dumps(body).encode(), {**JSON, **more}
    )
    patch = {"Content-Type": "application/merge-patch+json"}
    add = {"Content-Type": "application/vnd.sluice.increment+json"}
    row = lambda number: store.sql(
        "SELECT to_jsonb(t) - 'version' FROM store.line t WHERE shop = 'x,%%' AND day = '2026-03-01'"
        " AND number = %s", number)  # fmt: skip
    document = {"shop": "x,%", "day": "2026-03-01", "number": 1, "note": "n", "amount": 2}
    made = ask("POST", "/v1/line", document)
    assert made.status == 201, made
    path = made.header("Location")
    assert path == key_path("x%2C%25,2026-03-01,1", "line") and row(1)[0][0]["twice"] == 4
    assert ask("POST", "/v1/line", document).problem == "key-exists"
    assert ask("PATCH", path, {"amount": 5, "number": 1.0}, **patch).status == 200
    assert ask("PATCH", path, {"amount": 2}, **add).status == 200
    assert ask("GET", path).json() == row(1)[0][0] and row(1)[0][0]["twice"] == 14
    for number in (2, 3):  # the parts may be left out, as any key
        put = ask("PUT", path[:-1] + str(number), {"note": "p"} if number == 2 else {**document, "number": 3})
        assert put.status == 201, put
        assert ask("GET", path[:-1] + str(number)).json() == row(number)[0][0]
    other = ask("PUT", path, {**document, "number": 2})
    assert other.status == 422 and "differs from the key in the path" in other.body.decode(), other
    wrong = {"number": None, "shop": 7, "day": "2026-02-30"}
    for name, value in wrong.items():
        refused = ask("PATCH", path, {name: value}, **patch)
        assert refused.status == 422 and f'"/{name}"' in refused.body.decode(), refused
    assert ask("PATCH", path, {"number": 1}, **add).status == 422
    without = ask("POST", "/v1/line", {"shop": "x", "number": 1})
    assert without.status == 422 and '"/day"' in without.body.decode(), without
    long = ask("PUT", key_path("x" * 21 + ",2026-03-01,1", "line"), {})
    assert long.status == 422 and "at most 20" in long.body.decode(), long
    bulk = [{"op": "patch", "key": "x%2C%25,2026-03-01,2", "document": {"note": "bulk"}},
            {"op": "create", "document": {**document, "number": 4}},
            {"op": "delete", "key": "x%2C%25,2026-03-01,3"}]  # fmt: skip
    lines = "\n".join(json.dumps(one) for one in bulk).encode()
    sent = http.request("POST", "/v1/line/_bulk", lines, {**JSON, "Content-Type": "application/x-ndjson"})
    assert sent.status == 200, sent
    assert row(2)[0][0]["note"] == "bulk" and row(3) == [] and len(row(4)) == 1, sent
    assert ask("DELETE", path).status == 204 and row(1) == []
    assert ask("GET", path).status == 404
    store.wait_projected()


LEDGER = ("account", "at", "day", "clock", "open", "mood", "big")


def test_parts_of_many_types(store):
    """Each value has one text, in the key of a path, the log, Redis and the row."""
    http = store.of("api")[0].http
    declared = json.loads((store.folder / "ledger.json").read_text())
    assert declared["key"] == [*LEDGER] and declared["list"]["filter"] == ["account", "kind"]
    assert declared["fields"]["account"] == {"type": "string", "maxLength": 6, "columnType": "char"}
    assert declared["fields"]["big"] == {"type": "integer"}
    assert declared["fields"]["paid"] == {"type": "integer", "default": 0}
    assert json.loads((store.folder / "till.json").read_text())["key"] == {"type": "integer", "name": "till_id"}
    order = 'account COLLATE "C", at, day, clock, open, mood, big'
    want = [note for (note,) in store.sql(f"SELECT note FROM store.ledger ORDER BY {order}")]
    assert [d["note"] for d in all_pages(http, "/v1/ledger?limit=7")] == want
    assert len(all_pages(http, "/v1/ledger?limit=7&account=eq.A1&kind=in.(k1,k2)")) == 10
    given = {"account": "b,%  ", "at": "2026-02-01T01:00:00.1200+01:00", "day": "2026-02-01T00:00:00.0",
             "clock": "23:59:59.50", "open": False, "mood": "PG", "big": 7.0}  # fmt: skip
    key = "b%2C%25,2026-02-01T00:00:00.12+00:00,2026-02-01T00:00:00,23:59:59.5,false,PG,7"
    made = http.request("POST", "/v1/ledger", json.dumps({**given, "note": "x"}).encode(), JSON)
    assert made.status == 201 and made.header("Location") == key_path(key, "ledger"), made
    row = "SELECT to_jsonb(t) - 'version' FROM store.ledger t WHERE day = '2026-02-01'"
    document = http.request("GET", key_path(key, "ledger")).json()
    assert {**store.sql(row)[0][0], "account": "b,%"} == document and parts(document, LEDGER) == key
    store.wait_projected()
    after = {"Cache-Control": "no-cache", "Sluice-Read-After": made.position}
    assert http.request("GET", key_path(key, "ledger"), headers=after).json() == document
    put = http.request("PUT", key_path(key, "ledger"), json.dumps({**given, "paid": 5}).encode(), JSON)
    assert put.status == 200 and store.sql(row)[0][0]["paid"] == 5, put
    others = [("b%2C%25", "b%2C%25 "), ("+00:00", "Z"), (".12+", ".120+"), ("00:00:00,", "00:00:00.0,"),
              (".5,", ".50,"), ("false", "f"), (",7", ",7.0"), ("PG", "X")]  # fmt: skip
    for old, new in others:
        other = key_path(key.replace(old, new, 1), "ledger")
        assert http.request("GET", other).status == 404, other
        assert http.request("PUT", other, b"{}", JSON).status == 422, other
    assert http.request("DELETE", key_path(key, "ledger"), headers=JSON).status == 204 and store.sql(row) == []
    till = http.request("PUT", key_path("9999999999", "till"), b'{"name":"last"}', JSON)
    after = {"Sluice-Read-After": till.position}
    last = http.request("GET", "/v1/till?limit=1&order=till_id.desc", headers=after)
    assert till.status == 201 and last.json()[0]["name"] == "last", (till, last)
    store.wait_projected()


def test_a_table_of_sluice_has_a_key_of_several_columns(store):
    http = store.of("api")[0].http
    post = lambda **d: http.request("POST", "/v1/slots", json.dumps(d).encode(), JSON)
    days = [f"2026-01-{day:02}" for day in range(1, 8)]
    for room in ("b", "a", "Z"):
        for day in days:
            assert post(room=room, day=day, price=len(room) + int(day[-1]) % 3).status == 201
    listed = all_pages(http, "/v1/slots?limit=4")
    assert [(d["room"], d["day"]) for d in listed] == [(r, d) for r in "Zab" for d in days]
    assert list(listed[0]) == ["day", "price", "room", "until", "created_at", "updated_at"]
    cheap = all_pages(http, "/v1/slots?limit=2&room=eq.a&order=price.desc")
    assert [d["day"] for d in cheap] == sorted(days, key=lambda d: (int(d[-1]) % 3, d), reverse=True)
    assert post(room="a", day="2026-02-01", price=1, until="2026-01-01T00:00:00Z").status == 201
    assert http.request("GET", "/v1/slots/a,2026-02-01").status == 404
    gone = lambda: store.sql("SELECT count(*) FROM slots WHERE until IS NOT NULL") == [(0,)]
    wait_until(gone, 20, "the writer deletes it")
    store.wait_projected()


def test_references_to_keys_of_several_columns(store):
    http = store.of("api")[0].http
    item = json.loads((store.folder / "invoice_item.json").read_text())
    invoices, films = {"fields": ["shop", "no"], "collection": "invoice"}, {"fields": ["film"], "collection": "film"}
    assert sorted(item["references"], key=str) == sorted([invoices, films], key=str)
    told = lambda said: [line for line in said.splitlines() if "references" in line]
    assert told(store.migrate().stdout) == []
    defined = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'notes_room_on_references'"
    assert store.sql(defined) == [('FOREIGN KEY (room, "on") REFERENCES bookings(room, day)',)]
    assert store.sql("SELECT indexdef FROM pg_indexes WHERE indexname = 'notes_room_on_ref'") == [
        ('CREATE INDEX notes_room_on_ref ON public.notes USING btree (room, "on")',)
    ]
    put = lambda path, body: http.request("PUT", path, json.dumps(body).encode(), JSON)
    orphan = put("/v1/notes/orphan", {"room": "a", "on": "2026-01-31"})
    assert (orphan.status, orphan.problem) == (409, "constraint-violation"), orphan
    assert orphan.json()["constraint"] == "notes_room_on_references"
    assert put("/v1/notes/none", {"room": "a"}).status == 201
    assert put("/v1/bookings/r1,2026-01-31", {}).status == 201
    assert put("/v1/notes/child", {"room": "r1", "on": "2026-01-31"}).status == 201
    parent = http.request("DELETE", "/v1/bookings/r1,2026-01-31", headers=JSON)
    assert (parent.status, parent.json()["constraint"]) == (409, "notes_room_on_references"), parent
    store.wait_projected()


def test_foreign_changes_of_keys_of_several_columns(store):
    http = store.of("api")[0].http
    key = "a%2Cb,2026-01-31,-29"
    path = key_path(key, "line")
    before = http.request("GET", path)
    store.sql("UPDATE store.line SET note = 'by hand' WHERE shop = 'a,b' AND number = -29")
    touched = http.request("POST", f"{path}/_touch", b"", {"Prefer": "wait=10"})
    assert touched.status == 200, touched
    after = http.request("GET", path)
    assert after.json()["note"] == "by hand" and after.header("ETag") != before.header("ETag")
    made = adopt(store, "--migrate", "--triggers")
    assert made.returncode == 0, made
    with store.servers.postgres(store.name) as other:
        other.execute("SET datestyle = 'German'")
        other.execute("SET timezone = 'Asia/Tokyo'")
        other.execute("UPDATE store.ledger SET note = 'noted' WHERE note = 'n7'")
        other.execute("UPDATE store.line SET note = 'noted' WHERE shop LIKE 'a,b' OR shop = 'a%2C'")
        other.execute("DELETE FROM store.line WHERE shop = ''")
    for key, note in ((key, "noted"), ("a%252C,2026-01-31,-28", "noted")):
        read = lambda key=key: http.request("GET", key_path(key, "line"))
        wait_until(lambda: read().json()["note"] == note, 20, key)
    ledger = key_path("A1,2026-02-07T12:00:00.5+00:00,2026-01-31T12:00:01.75,12:00:07,false,PG,20000000000", "ledger")
    wait_until(lambda: http.request("GET", ledger).json()["note"] == "noted", 20, "ledger")
    wait_until(lambda: store.sql("SELECT count(*) FROM sluice.outbox") == [(0,)], 20, "all are touched")
    gone = key_path(",2026-01-31,-27", "line")
    wait_until(lambda: http.request("GET", gone).status == 404, 20, "it is gone")
    store.wait_projected()


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
