"""A table of the operator: in another schema, with names that are not those of the
documents, owned by another role. Sluice adds a version to it, and nothing else."""

import json

import pytest
from harness import cli
from harness.client import key_path
from harness.servers import at_database
from harness.wait import wait_until

JSON = {"Content-Type": "application/json", "Prefer": "wait=10"}
NDJSON = {"Accept": "application/x-ndjson"}
ORDERS = {
    "name": "orders",
    "table": 'shop.The "Orders"',
    "times": False,
    "key": {"name": "id", "type": "integer", "format": "int32"},
    "columns": {"id": "OrderID", "customer": "Customer's name", "rev": "version",
                "version": "sluice_version"},
    "fields": {
        "customer": {"type": "string", "maxLength": 40},
        "total": {"type": "number", "minimum": 0, "nullable": True},
        "created_at": {"type": "string", "format": "date", "nullable": True},
        "rev": {"type": "integer", "format": "int32", "default": 1},
    },
    "required": ["customer"],
    "unique": [["customer", "created_at"]],
    "list": {"filter": ["customer"], "order": ["customer", "created_at"]},
}  # fmt: skip
NAME = '"shop"."The ""Orders"""'
TABLE = f'''
CREATE SCHEMA shop;
CREATE TABLE {NAME} (
    "OrderID" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "Customer's name" varchar(40) NOT NULL, total numeric CHECK (total >= 0),
    created_at date, version int NOT NULL DEFAULT 1, internal text,
    UNIQUE ("Customer's name", created_at));
INSERT INTO {NAME} ("Customer's name", total, created_at, internal)
    SELECT 'Customer ' || i % 10, i, date '2026-01-01' + i, 'kept' FROM generate_series(1, 40) i
'''
DOCUMENT = f"""SELECT (SELECT row_to_json(d) FROM (SELECT "OrderID" AS id,
    "Customer's name" AS customer, total, created_at, version AS rev) d)::text
    FROM {NAME} WHERE "OrderID" = %s"""


@pytest.fixture(scope="module")
def shop(module_deployment, tmp_path_factory):
    """It is migrated as its owner's table has to be."""
    deployment = module_deployment
    folder = tmp_path_factory.mktemp("orders")
    (folder / "orders.json").write_text(json.dumps(ORDERS))
    deployment.sql(TABLE)
    deployment.collections = str(folder)
    granted(deployment)
    before = columns(deployment)
    refused = deployment.migrate(code=1).stdout
    told = [line for line in refused.splitlines() if "run: " in line]
    assert len(told) == 1 and "does not own the table" in told[0], refused
    add = told[0].split("run: ")[1]
    assert add == f'ALTER TABLE {NAME} ADD COLUMN "sluice_version" bigint NOT NULL DEFAULT 0'
    assert columns(deployment) == before
    deployment.sql(add)
    done = deployment.migrate().stdout.split("-- orders\n")[1]
    assert [line for line in done.splitlines() if "ALTER" in line.split("left")[0]] == []
    for index in '("Customer\'s name" COLLATE "C", ', '("created_at", ':
        assert ("there is no index" in done and index in done) == (index[2] == "c"), done
    assert columns(deployment) == [*before, "sluice_version"]
    deployment.start_all()
    wait_until(lambda: get(deployment, 1).status == 200, 20, "the replica has it")
    return deployment


def granted(deployment):
    """By the superuser: the roles may see the schema and the table."""
    settings = deployment.settings("migrate")
    settings["primary.url"] = at_database(deployment.servers.primary_admin_url, deployment.name)
    every = [f"--{name}={value}" for name, value in settings.items()]
    done = cli.run(deployment.servers, "writer", "--migrate", "--grants", "--apply", *every)
    assert done.returncode == 0, done


def columns(deployment):
    found = deployment.sql(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " ORDER BY attnum", NAME
    )  # fmt: skip
    return [name for (name,) in found]


def ask(deployment, method, path, body=None, headers=JSON):
    text = None if body is None else json.dumps(body).encode()
    return deployment.of("api")[0].http.request(method, path, text, headers)


def get(deployment, key, **headers):
    return ask(deployment, "GET", key_path(str(key), "orders"), None, headers)


def row(deployment, key):
    found = deployment.sql(DOCUMENT, key)
    return found[0][0].encode() if found else None


def test_it_is_read(shop):
    for key in (1, 40):
        first = get(shop, key)
        assert first.header("ETag") == '"0"'
        assert first.body == get(shop, key).body == row(shop, key)
    assert get(shop, 41).status == 404
    few = ask(shop, "GET", "/v1/orders?customer=eq.Customer%203&order=created_at.desc&limit=3")
    assert [d["id"] for d in few.json()] == [33, 23, 13]
    assert list(few.json()[0]) == ["id", "customer", "total", "created_at", "rev"]
    rest = ask(shop, "GET", few.header("Link").split("<")[1].split(">")[0])
    assert [d["id"] for d in rest.json()] == [3]
    count = ask(shop, "GET", "/v1/orders/_count?customer=eq.Customer%203")
    assert count.json() == {"count": 4}
    part = ask(shop, "GET", key_path("5", "orders") + "?select=created_at,customer")
    assert part.json() == {"customer": "Customer 5", "created_at": "2026-01-06"}
    exported = ask(shop, "GET", "/v1/orders", headers=NDJSON).body.splitlines()
    assert sorted(exported) == sorted(row(shop, key) for key in range(1, 41))


def test_it_is_written(shop):
    put = ask(shop, "PUT", key_path("7", "orders"), {"customer": "put", "total": 1.50})
    assert put.status == 200, put
    patch = ask(shop, "PATCH", key_path("7", "orders"), {"rev": 9},
                {**JSON, "Content-Type": "application/merge-patch+json"})  # fmt: skip
    assert patch.status == 200, patch
    read = get(shop, 7, **{"Sluice-Read-After": patch.position})
    assert read.body == row(shop, 7)
    assert read.body == b'{"id":7,"customer":"put","total":1.5,"created_at":null,"rev":9}'
    assert read.header("ETag") == patch.header("ETag")
    more = f'SELECT internal, sluice_version FROM {NAME} WHERE "OrderID" = 7'
    assert shop.sql(more) == [("kept", int(patch.header("ETag").strip('"')))]
    gone = ask(shop, "DELETE", key_path("8", "orders"))
    assert gone.status == 204 and row(shop, 8) is None
    # The keys come from the table's own sequence.
    made = [ask(shop, "POST", "/v1/orders", {"customer": f"new {i}"}) for i in range(3)]
    assert {a.status for a in made} == {201}
    keys = {int(a.header("Location").rsplit("/", 1)[1]) for a in made}
    ((other,),) = shop.sql(
        f'INSERT INTO {NAME} ("Customer\'s name") VALUES (%s) RETURNING "OrderID"', "other"
    )
    assert min(keys) > 40 and other not in keys
    shop.wait_projected()
    assert ask(shop, "GET", "/openapi.json").status == 200


def test_its_constraints_count(shop):
    """The database's own names are told."""
    first = json.loads(row(shop, 10))
    twice = {"customer": first["customer"], "created_at": first["created_at"]}
    refused = ask(shop, "PUT", key_path("11", "orders"), twice)
    assert (refused.status, refused.problem) == (409, "constraint-violation"), refused
    assert "The \"Orders\"_Customer's name_created_at_key" in refused.json()["constraint"], refused
    low = ask(shop, "PUT", key_path("11", "orders"), {"customer": "x", "total": -1})
    assert low.status == 422 and low.pointers == ["/total"], low
    assert json.loads(row(shop, 11))["customer"] == "Customer 1"


def test_a_table_that_is_not_there(shop, tmp_path):
    wrong = {**ORDERS, "table": "shop.nothing"}
    (tmp_path / "orders.json").write_text(json.dumps(wrong))
    shop.collections = str(tmp_path)
    said = shop.migrate(code=1).stdout
    assert 'there is no table "shop"."nothing": make it' in said, said


def test_a_table_of_sluice_refers_to_it(shop, tmp_path):
    """Its owner gives the right; --grants does, too."""
    notes = {
        "name": "notes",
        "key": {"type": "uuid"},
        "fields": {"of": {"type": "integer", "nullable": True}},
        "references": {"of": "orders"},
    }
    for declaration in (ORDERS, notes):
        (tmp_path / f"{declaration['name']}.json").write_text(json.dumps(declaration))
    shop.collections = str(tmp_path)
    said = shop.migrate(code=1)
    assert "cannot be added: nothing was changed" in said.stderr, said
    told = next(line for line in said.stdout.splitlines() if line.startswith("left to you: notes: it refers to orders"))
    grants = told.split(", run: ")[1]
    assert grants == f'GRANT USAGE ON SCHEMA "shop" TO "sluice_migrate"; GRANT REFERENCES ON {NAME} TO "sluice_migrate"'
    granted(shop)
    assert 'ADD CONSTRAINT "notes_of_references" FOREIGN KEY ("of")' in shop.migrate().stdout
