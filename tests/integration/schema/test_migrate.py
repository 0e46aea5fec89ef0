"""--migrate: what is missing is added, what is otherwise is said and left."""

import json
import subprocess
from urllib.parse import urlsplit

import pytest
from harness.daemon import environment
from harness.wait import Stopwatch


@pytest.fixture
def declare(deployment, tmp_path):
    """Declares the one collection of this deployment, and migrates."""
    deployment.collections = tmp_path

    def migrate(fields, *flags, required=(), code=0, key="string", **more):
        key = key if isinstance(key, list) else {"type": key}
        text = {"name": "things", "key": key, "fields": fields}
        text.update(more, required=list(required))
        (tmp_path / "things.json").write_text(json.dumps(text))
        done = deployment.migrate(*flags, code=code)
        return done.stdout.split("-- things\n")[1], done.stderr

    return migrate


def columns(deployment):
    return deployment.sql(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
        " WHERE table_name = 'things' ORDER BY ordinal_position"
    )


def shapes(deployment):
    return [
        generation
        for (generation,) in deployment.sql(
            "SELECT generation FROM sluice.collections WHERE name = 'things'"
            " ORDER BY generation"
        )
    ]


TEXT = {"type": "string", "maxLength": 20}
INSERT = "INSERT INTO things (key, a, created_at, updated_at, version)"
ROW = f"{INSERT} VALUES (%s, %s, now(), now(), 0)"


def test_made_and_added_to(deployment, declare):
    said, _ = declare({"a": TEXT}, required=["a"])
    assert said.startswith('CREATE TABLE public."things" (')
    assert declare({"a": TEXT}, required=["a"])[0] == "the schema is up to date\n"
    deployment.sql(ROW, "k", "v")
    more = {
        "a": TEXT,
        "b": {"type": "integer", "minimum": 0, "default": 7},
        "c": {"type": "array", "nullable": True},
    }
    lists = {"filter": ["b"], "order": ["created_at"]}
    said, _ = declare(more, required=["a"], list=lists)
    assert [line.split(" CHECK")[0] for line in said.splitlines()] == [
        'ALTER TABLE public."things" ADD COLUMN "b" bigint NOT NULL'
        " DEFAULT '7'::bigint;",
        'ALTER TABLE public."things" ADD COLUMN "c" jsonb;',
        'ALTER TABLE public."things" ADD CONSTRAINT "things_b_minimum"',
        'ALTER TABLE public."things" VALIDATE CONSTRAINT "things_b_minimum";',
        'ALTER TABLE public."things" ADD CONSTRAINT "things_c_type"',
        'ALTER TABLE public."things" VALIDATE CONSTRAINT "things_c_type";',
        'CREATE INDEX "things_b_list" ON public."things" ("b", "key");',
        'CREATE INDEX "things_created_at_list" ON public."things"'
        ' ("created_at", "key");',
        "the schema is up to date",
    ]
    assert deployment.sql("SELECT a, b, c FROM things") == [("v", 7, None)]
    assert shapes(deployment) == [1, 2]
    said, _ = declare(more, required=["a"], list=lists)
    assert said == "the schema is up to date\n"
    # The one of before is the newest again.
    declare({"a": TEXT}, required=["a"])
    assert shapes(deployment) == [2, 3]
    assert len(columns(deployment)) == 7


def test_dry(deployment, declare):
    declare({"a": TEXT}, required=["a"])
    before = columns(deployment)
    fields = {"a": TEXT, "b": {"type": "boolean", "default": True}}
    said, _ = declare(fields, "--dry-run", required=["a"])
    assert said.startswith(
        'ALTER TABLE public."things" ADD COLUMN "b" boolean NOT NULL'
    )
    assert columns(deployment) == before
    assert shapes(deployment) == [1]


def test_a_column_that_rows_have_no_value_for(deployment, declare):
    declare({"a": TEXT}, required=["a"])
    both = {"a": TEXT, "b": TEXT}
    deployment.sql(ROW, "k", "v")
    said, error = declare(both, required=["a", "b"], code=1)
    assert "left to you: things: the table has rows, so a new column must" in said
    assert "cannot be added: nothing was changed" in error
    assert len(columns(deployment)) == 5 and shapes(deployment) == [1]
    deployment.sql("DELETE FROM things")
    declare(both, required=["a", "b"])
    assert len(columns(deployment)) == 6 and shapes(deployment) == [1, 2]


def test_another_type(deployment, declare):
    declare({"a": TEXT}, required=["a"])
    said, _ = declare({"a": {"type": "integer"}}, required=["a"], code=1)
    assert "left to you: things: the column a is text, declared bigint" in said
    said, _ = declare({"a": TEXT}, required=["a"], key="integer", code=1)
    assert "left to you: things: the column key is text, declared bigint" in said
    assert shapes(deployment) == [1]


def test_a_column_that_is_no_field_any_more(deployment, declare):
    declare({"a": TEXT, "b": TEXT}, required=["a", "b"])
    said, _ = declare({"a": TEXT}, required=["a"], code=1)
    assert "left to you: things: the column b is not declared" in said
    deployment.sql("ALTER TABLE things ALTER b DROP NOT NULL")
    said, _ = declare({"a": TEXT}, required=["a"])
    assert "left to you: things: things_b_max_length is not declared" in said
    assert shapes(deployment) == [1, 2]


def test_bounds(deployment, declare):
    """Those of before stay, and so do rows that break a new one."""
    declare({"a": TEXT}, required=["a"])
    deployment.sql(ROW, "k", "long enough")
    wider = {"a": {"type": "string", "maxLength": 30, "minLength": 12}}
    said, _ = declare(wider, required=["a"])
    assert "left to you: things: existing rows violate things_a_min_length" in said
    assert "things_a_max_length is CHECK ((char_length(a) <= 20))" in said
    assert 'DROP CONSTRAINT "things_a_max_length", ADD CONSTRAINT' in said
    with pytest.raises(Exception, match="things_a_min_length"):
        deployment.sql(ROW, "other", "short")
    # What it says does it.
    (fix,) = [line for line in said.splitlines() if "max_length is" in line]
    deployment.sql(fix.split("declared otherwise: ")[1])
    said, _ = declare(wider, required=["a"])
    assert "max_length" not in said
    deployment.sql("ALTER TABLE things ALTER a DROP NOT NULL")
    said, _ = declare(wider, required=["a"])
    assert 'ALTER COLUMN "a" SET NOT NULL' in said


MADE = (
    "CREATE TABLE public.things (key text {}, a text {}, created_at timestamptz NOT NULL,"
    " updated_at timestamptz NOT NULL, version bigint NOT NULL) {};"
    "ALTER TABLE public.things OWNER TO sluice_migrate"
)


@pytest.mark.parametrize(
    "key, a, more, why",
    [
        ("NOT NULL", "NOT NULL", "", "there is no unique constraint on the key alone"),
        (
            "PRIMARY KEY",
            "NOT NULL GENERATED ALWAYS AS ('v') STORED",
            "",
            "the column a is generated always",
        ),
        (
            "PRIMARY KEY",
            "NOT NULL",
            "PARTITION BY HASH (key)",
            "it is partitioned",
        ),
    ],
)
def test_a_table_that_cannot_be_written(deployment, declare, key, a, more, why):
    """Every batch would be tried for ever."""
    deployment.sql(MADE.format(key, a, more))
    said, error = declare({"a": TEXT}, required=["a"], code=1)
    assert f"left to you: things: {why}" in said
    assert "cannot be added: nothing was changed" in error
    assert shapes(deployment) == []


def test_a_view_is_no_table(deployment, declare):
    deployment.sql(MADE.format("PRIMARY KEY", "NOT NULL", "").replace("things", "others"))
    deployment.sql("CREATE VIEW public.things AS SELECT * FROM others")
    deployment.sql("ALTER VIEW public.things OWNER TO sluice_migrate")
    said, _ = declare({"a": TEXT}, required=["a"], code=1)
    assert "left to you: things: it is not a table" in said


def test_a_unique_index_will_do(deployment, declare):
    """Not one of some rows, nor one that is checked at the end only."""
    deployment.sql(MADE.format("NOT NULL", "NOT NULL", ""))
    deployment.sql("CREATE UNIQUE INDEX ON things (key) WHERE a <> ''")
    deployment.sql("ALTER TABLE things ADD UNIQUE (key) DEFERRABLE")
    declare({"a": TEXT}, required=["a"], code=1)
    deployment.sql("CREATE UNIQUE INDEX ON things (key)")
    declare({"a": TEXT}, required=["a"])
    assert shapes(deployment) == [1]
    deployment.sql("CREATE TABLE more () INHERITS (things)")
    said, _ = declare({"a": TEXT}, required=["a"], code=1)
    assert "left to you: things: other tables inherit from it" in said
    deployment.sql("DROP TABLE more")
    deployment.sql("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    deployment.sql("ALTER TABLE things ALTER key TYPE text COLLATE loose")
    said, _ = declare({"a": TEXT}, required=["a"], code=1)
    assert "left to you: things: a column of the key has a collation in which" in said


def test_a_varchar_will_do(deployment, declare):
    """If it holds every value that is declared. A second run finds nothing to do."""
    deployment.sql(
        "CREATE TABLE public.things (key varchar(255) PRIMARY KEY, a varchar(20) NOT NULL,"
        " b varchar NOT NULL, c varchar(4), created_at timestamptz NOT NULL,"
        " updated_at timestamptz NOT NULL, version bigint NOT NULL);"
        "ALTER TABLE public.things OWNER TO sluice_migrate"
    )
    fields = {
        "a": {**TEXT, "minLength": 1},
        "b": {"type": "string"},
        "c": {"type": "string", "enum": ["one", "four"], "nullable": True},
    }
    said, _ = declare(fields, required=["a", "b"])
    assert "left to you" not in said
    assert "things_a_max_length" in said and "things_c_enum" in said
    again, _ = declare(fields, required=["a", "b"])
    assert again == "the schema is up to date\n"
    kinds = {name: kind for name, kind, _ in columns(deployment)}
    assert kinds["a"] == kinds["key"] == "character varying"
    # Longer values than it holds.
    fields["a"] = {"type": "string", "maxLength": 21}
    fields["c"] = {"type": "string", "enum": ["five5"], "nullable": True}
    said, _ = declare(fields, required=["a", "b"], code=1)
    for name, room in (("a", 20), ("c", 4)):
        assert (
            f"left to you: things: the column {name} is character varying({room}):"
            f" declare a maxLength of at most {room}\n"
        ) in said
    deployment.sql("ALTER TABLE things ALTER COLUMN key TYPE varchar(254)")
    fields = {"a": TEXT, "b": {"type": "string"}}
    said, _ = declare(fields, required=["a", "b"], code=1)
    assert "the column key is character varying(254)" in said


# --- what it waits for, and what it prints where -----------------------------------


def command(deployment, *flags, **more):
    """The command with both of its streams in one file, and how long it took."""
    settings = {**deployment.settings("migrate"), **more}
    with Stopwatch() as t:
        done = subprocess.run(
            [
                deployment.servers.program("writer"),
                "--migrate",
                *[f"--{k.replace('__', '.')}={v}" for k, v in settings.items()],
                *flags,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            env=environment(),
        )
    return done.returncode, done.stdout, t.seconds


@pytest.mark.parametrize("wrong", ["password", "database", "user"])
def test_a_server_that_refuses_is_not_waited_for(deployment, wrong):
    url = urlsplit(deployment.settings("migrate")["primary.url"])
    if wrong == "database":
        url = url._replace(path="/nowhere")
    else:
        user = f"{url.username}:wrong" if wrong == "password" else "nobody:wrong"
        url = url._replace(netloc=f"{user}@{url.hostname}:{url.port}")
    code, said, seconds = command(deployment, primary__url=url.geturl())
    assert code == 1 and seconds < 10, said
    last = said.splitlines()[-1]
    assert last.startswith("migrate: "), said
    assert ("3D000" if wrong == "database" else "28P01") in last, last
    assert "waiting for" not in said


def test_how_long_it_waits(deployment):
    for name in ("primary__url", "kafka__bootstrap__servers"):
        away = "postgresql://u@127.0.0.1:1/db" if name == "primary__url" else "127.0.0.1:1"
        code, said, seconds = command(deployment, "--wait=2s", **{name: away})
        assert code == 1 and 2 <= seconds < 12, (said, seconds)
        assert said.count("waiting for ") <= 1, said


def test_one_order_of_both_streams(deployment, declare):
    """What it could not do is said behind what it did, and no line is torn."""
    declare({"a": TEXT}, required=["a"])
    deployment.sql(ROW, "k", "v")
    declare({"a": TEXT, "b": TEXT}, required=["a", "b"], code=1)
    code, said, _ = command(deployment)
    assert code == 1
    *above, last = said.splitlines()
    assert last.startswith("migrate: ") and "of the above" in last, said
    assert all("migrate: " not in line for line in above), said


def test_groups(deployment, declare):
    """The partition of a row depends on it, so it stays while there are rows."""
    declare({"a": TEXT}, required=["a"])
    declare({"a": TEXT}, required=["a"], group=True)
    deployment.sql(ROW, "k", "v")
    said, error = declare({"a": TEXT}, required=["a"], code=1)
    assert 'things: it has rows, so it must keep "group": true' in said
    assert "cannot be added: nothing was changed" in error
    deployment.sql("DELETE FROM things")
    declare({"a": TEXT}, required=["a"])
    deployment.sql(ROW, "k", "v")
    said, _ = declare({"a": TEXT}, required=["a"], group=True, code=1)
    assert 'it has rows, so "group" cannot become true' in said
    assert shapes(deployment) == [3, 2] or shapes(deployment) == [2, 3]


def test_the_order_of_a_key(deployment, declare):
    """It is that of the text of a key, on which the partition depends, too."""
    fields = {"a": {**TEXT, "maxLength": 9}, "b": {"type": "integer"}, "c": TEXT}
    declare(fields, key=["a", "b"], required=["c"])
    declare(fields, key=["b", "a"], required=["c"])
    deployment.sql("INSERT INTO things (a, b, c, created_at, updated_at, version) VALUES ('x', 1, '', now(), now(), 0)")
    said, _ = declare(fields, key=["a", "b"], required=["c"], code=1)
    assert 'things: it has rows, so the fields of "key" must keep their order' in said
    declare(fields, key=["b", "a"], required=["c"])


def of_table(deployment):
    """The names of its columns; and of its constraints and indexes."""
    made = deployment.sql(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'things'::regclass"
        " AND contype <> 'n'"
        " UNION SELECT indexrelid::regclass::text FROM pg_index"
        " WHERE indrelid = 'things'::regclass"
    )
    return [name for name, *_ in columns(deployment)], {name for (name,) in made}


def test_a_field_with_another_name(deployment, declare):
    """The column is renamed, and what is named after it; a dry run says the same."""
    price = {"type": "integer", "minimum": 1}
    more = {
        "unique": [["a", "cost"]],
        "references": {"b": "things"},
        "list": {"filter": ["a", "cost"], "indexes": [["cost", "a.desc"]]},
    }
    other = {"type": "string", "maxLength": 20, "nullable": True}
    before = {"a": TEXT, "b": other, "cost": price}
    declare(before, required=["a", "cost"], **more)
    deployment.sql(
        "INSERT INTO things (key, a, cost, created_at, updated_at, version)"
        " VALUES ('k', 'v', 7, now(), now(), 0)"
    )
    after = {"a": TEXT, "c": {**other, "was": "b"}, "price": {**price, "was": "cost"}}
    more = {
        "unique": [["a", "price"]],
        "references": {"c": "things"},
        "list": {"filter": ["a", "price"], "indexes": [["price", "a.desc"]]},
    }
    plan, _ = declare(after, "--dry-run", required=["a", "price"], **more)
    said, _ = declare(after, required=["a", "price"], **more)
    table = 'ALTER TABLE public."things" RENAME'
    assert said.splitlines() == [
        f'{table} COLUMN "b" TO "c";',
        f'{table} COLUMN "cost" TO "price";',
        f'{table} CONSTRAINT "things_b_max_length" TO "things_c_max_length";',
        f'{table} CONSTRAINT "things_cost_minimum" TO "things_price_minimum";',
        'ALTER INDEX public."things_cost_list" RENAME TO "things_price_list";',
        'ALTER INDEX public."things_cost_a_desc_index" RENAME TO'
        ' "things_price_a_desc_index";',
        f'{table} CONSTRAINT "things_a_cost_unique" TO "things_a_price_unique";',
        'ALTER INDEX public."things_b_ref" RENAME TO "things_c_ref";',
        f'{table} CONSTRAINT "things_b_references" TO "things_c_references";',
        "the schema is up to date",
    ]
    assert plan.splitlines()[: len(said.splitlines()) - 1] == said.splitlines()[:-1]
    assert "CREATE" not in plan and "ADD" not in plan and "left to you" not in plan
    assert deployment.sql("SELECT price FROM things") == [(7,)]
    names, made = of_table(deployment)
    assert names[:4] == ["key", "a", "c", "price"]
    assert made == {
        "things_pkey",
        "things_a_max_length",
        "things_c_max_length",
        "things_price_minimum",
        "things_a_list",
        "things_price_list",
        "things_price_a_desc_index",
        "things_a_price_unique",
        "things_c_ref",
        "things_c_references",
    }
    assert shapes(deployment) == [1, 2]
    said, _ = declare(after, required=["a", "price"], **more)
    assert said == "the schema is up to date\n"


def test_a_renaming_that_cannot_be(deployment, declare):
    declare({"a": TEXT}, required=["a"])
    said, _ = declare({"b": {**TEXT, "was": "x"}}, required=["b"], code=1)
    assert "it has neither the column b nor x, which" in said
    deployment.sql("ALTER TABLE things ADD b text")
    renamed = {"b": {**TEXT, "was": "a"}}
    said, _ = declare(renamed, required=["b"], code=1)
    assert 'it has both columns a and b, and "was" says that they are one' in said
    assert "RENAME" not in said and shapes(deployment) == [1]
    # The column of a field with a mapping stays, but not the name of the check.
    deployment.sql("ALTER TABLE things DROP b")
    said, _ = declare(renamed, required=["b"], columns={"b": "a"})
    assert said.splitlines()[:-1] == [
        'ALTER TABLE public."things" RENAME CONSTRAINT "things_a_max_length"'
        ' TO "things_b_max_length";'
    ]
    said, _ = declare(
        {"c": {**TEXT, "was": "a"}}, required=["c"], table="public.things", code=1
    )
    assert 'RENAME COLUMN "a" TO "c"' in said and "map the field" in said
    assert [name for name, *_ in columns(deployment)][:2] == ["key", "a"]
