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
    "store.Film.rating: left out: no field has its type, store.rating",
    "store.Film.special_features: left out: no field has its type, text[]",
    "store.Film.length_hours: left out: it is generated",
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
    " encode(poster, 'base64') AS poster, facts, active, \"order\", version AS version_18",
    "customer": "customer_id, email, kind, born, called_at, create_date",
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
    )
    return [json.loads(text) for (text,) in rows]


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
