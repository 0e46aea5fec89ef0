"""The tables of two programs that nobody here wrote, from their packages
(tests/schemas): a workflow engine and a scheduler. Each table is adopted or told with
its reason; every row of the adopted ones is read through the API as row_to_json has it."""

import base64
import datetime
import json
import os
import pathlib

import pytest
from harness import cli
from harness.client import key_path
from harness.servers import at_database
from harness.wait import wait_until

HOME = os.environ.get("SLUICE_TEST_SCHEMAS")
pytestmark = pytest.mark.skipif(not HOME, reason="SLUICE_TEST_SCHEMAS is not set: tests/run")
ROWS = 5
PARTS = (
    "engine", "history", "identity", "case.engine", "case.history",
    "decision.engine", "decision.history",
)  # fmt: skip
FILES = {
    "workflow": [f"activiti.postgres.create.{part}.sql" for part in PARTS],
    "scheduler": ["tables_postgres.sql"],
}
# The tables that are not adopted, with the reason.
REFUSED = {}


def adopt(deployment, *args):
    settings = deployment.settings("migrate")
    settings["primary.url"] = at_database(deployment.servers.primary_admin_url, deployment.name)
    every = [f"--{name}={value}" for name, value in settings.items()]
    return cli.run(deployment.servers, "writer", *every, *args)


def value(row, number, type, length):
    """A value of the column in this row, other than those of other rows."""
    if type in ("integer", "bigint", "smallint", "numeric"):
        return 100 * number + row
    if type in ("double precision", "real"):
        return number + row / 8
    if type == "boolean":
        return row % 2 == 0
    if type == "bytea":
        return bytes([row, number % 256, 0, 255])
    if type.startswith("timestamp"):
        return datetime.datetime(2026, 1, 1 + row, 12, 0, 0, 1000 * number)
    return f"{row}/{number} \u00e4\"{chr(10)}"[: length or 100]


def fill(deployment, schema):
    """Rows in every table, whatever refers to what."""
    columns = deployment.sql(
        "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position),"
        " array_agg(data_type::text ORDER BY ordinal_position),"
        " array_agg(character_maximum_length::int ORDER BY ordinal_position)"
        " FROM information_schema.columns WHERE table_schema = %s GROUP BY 1 ORDER BY 1",
        schema,
    )
    with deployment.servers.postgres(deployment.name) as connection:
        connection.execute("SET session_replication_role = replica")
        for table, names, types, lengths in columns:
            for row in range(1, ROWS + 1):
                kinds = enumerate(zip(types, lengths))
                values = [value(row, number, *kind) for number, kind in kinds]
                if row == ROWS:  # one row with every null that there may be
                    values = values[:1] + [
                        None if nullable(deployment, schema, table, n) else v
                        for n, v in zip(names[1:], values[1:])
                    ]
                places = ", ".join(["%s"] * len(values))
                connection.execute(f'INSERT INTO {schema}."{table}" VALUES ({places})', values)


def nullable(deployment, schema, table, column, known={}):
    if (schema, table) not in known:
        known[schema, table] = dict(
            deployment.sql(
                "SELECT column_name, is_nullable = 'YES' FROM information_schema.columns"
                " WHERE table_schema = %s AND table_name = %s",
                schema,
                table,
            )
        )
    return known[schema, table][column]


@pytest.fixture(scope="module")
def programs(module_deployment, tmp_path_factory):
    deployment = module_deployment
    folder = tmp_path_factory.mktemp("programs")
    with deployment.servers.postgres(deployment.name) as connection:
        for schema, names in FILES.items():
            connection.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}")
            for name in names:
                connection.execute((pathlib.Path(HOME) / name).read_text())
    for schema in FILES:
        fill(deployment, schema)
    wanted = [f"--adopt={schema}.*" for schema in FILES]
    deployment.said = adopt(deployment, *wanted, f"--into={folder}")
    deployment.declared = {p.stem: json.loads(p.read_text()) for p in sorted(folder.iterdir())}
    deployment.collections = str(folder)
    granted = adopt(deployment, "--migrate", "--grants", "--apply")
    assert granted.returncode == 0, granted
    for line in deployment.migrate(code=1).stdout.splitlines():
        if "; as its owner, run: " in line:
            deployment.sql(line.split("run: ")[1])
    deployment.migrate()
    deployment.start_all()
    return deployment


def test_each_table_is_adopted_or_told(programs):
    said = programs.said
    refused = [line for line in said.stderr.splitlines() if ": not adopted: " in line]
    print(said.stderr)
    tables = programs.sql(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables"
        " WHERE table_schema = ANY(%s)", list(FILES)
    )  # fmt: skip
    adopted = {c["table"] for c in programs.declared.values()}
    named = {line.split(": not adopted: ")[0] for line in refused}
    assert adopted | named == {name for (name,) in tables} and not adopted & named
    reasons = dict(line.split(": not adopted: ") for line in refused)
    assert reasons == REFUSED
    assert len(adopted) == 60, len(adopted)


def document(declaration, row):
    """The row, as the document of the declaration."""
    columns = declaration.get("columns", {})
    key = declaration["key"]
    names = [*([] if isinstance(key, list) else [key["name"]]), *declaration["fields"]]
    made = {name: row[columns.get(name, name)] for name in names}
    for name, field in declaration["fields"].items():
        if field.get("format") == "byte" and made[name] is not None:
            made[name] = base64.b64encode(bytes.fromhex(made[name][2:])).decode()
    return made


def key_of(document, key):
    """Of one column, or of several."""
    names = key if isinstance(key, list) else [key["name"]]
    text = [str(document[name]) for name in names]
    if len(text) > 1:
        text = [part.replace("%", "%25").replace(",", "%2C") for part in text]
    return ",".join(text)


def test_every_row_is_read(programs):
    http = programs.of("api")[0].http
    for name, declaration in programs.declared.items():
        schema, table = declaration["table"].split(".")
        rows = programs.sql(f'SELECT row_to_json(t)::text FROM {schema}."{table}" t')
        want = [document(declaration, json.loads(text)) for (text,) in rows]
        assert len(want) >= ROWS
        path = f"/v1/{name}?limit=1000"
        wait_until(lambda path=path: http.request("GET", path).status == 200, 20, path)
        listed = http.request("GET", path).json()
        order = lambda d: json.dumps(d, sort_keys=True)
        assert sorted(listed, key=order) == sorted(want, key=order), name
        key = declaration["key"]
        for one in want[:2]:
            answer = http.request("GET", key_path(key_of(one, key), name))
            assert answer.status == 200 and answer.json() == one, (name, answer)


def test_a_row_is_written(programs):
    """The engine's own counter of a row stays its own."""
    http = programs.of("api")[0].http
    declaration = programs.declared["act_ge_property"]
    assert declaration["fields"]["rev"] == {"type": "integer", "format": "int32", "nullable": True}
    headers = {"Content-Type": "application/merge-patch+json", "Prefer": "wait=10"}
    path = key_path("schema.version", "act_ge_property")
    changed = http.request("PATCH", path, b'{"value":"changed"}', headers)
    assert changed.status == 200, changed
    row = programs.sql("SELECT value_, rev_ FROM workflow.act_ge_property WHERE name_ = 'schema.version'")
    assert row == [("changed", 1)]
    programs.wait_projected()
