"""--migrate --grants: what it prints, and what it makes of a database."""

import json

import pytest
from harness import cli
from harness.servers import ROLES, at_database

OWNER, WRITER, READER = ROLES
FIELDS = {"a": {"type": "integer", "default": 0}}


def grants(deployment, *flags, code=0, **more):
    """--migrate --grants by the superuser; what it printed."""
    settings = deployment.settings("migrate")
    url = at_database(deployment.servers.primary_admin_url, deployment.name)
    settings |= {"primary.url": url, **more}
    every = [f"--{name}={value}" for name, value in settings.items()]
    done = cli.run(
        deployment.servers, "writer", "--migrate", "--grants", *flags, *every
    )
    assert done.returncode == code, done
    return done.stdout


def owners(deployment):
    return {
        owner
        for (owner,) in deployment.sql(
            "SELECT pg_get_userbyid(relowner) FROM pg_class"
            " WHERE relnamespace IN ('public'::regnamespace, 'sluice'::regnamespace)"
            " AND relkind IN ('r', 'i', 'S') UNION"
            " SELECT pg_get_userbyid(proowner) FROM pg_proc"
            " WHERE pronamespace = 'sluice'::regnamespace UNION"
            " SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'sluice'"
        )
    }


def rights(deployment, role, table):
    """The letters of the table's access list: r(ead), a(ppend), w(rite), d(elete)."""
    found = deployment.sql(
        "SELECT string_agg(lower(left(privilege_type, 2)), ' ' ORDER BY privilege_type)"
        " FROM information_schema.table_privileges"
        " WHERE grantee = %s AND table_schema || '.' || table_name = %s",
        role,
        table,
    )
    return found[0][0]


def test_it_is_idempotent_and_prints_what_it_applies(deployment):
    script = grants(deployment)
    assert "password" not in script.replace("have no password", "").lower().replace(
        "login password", ""
    )
    before = deployment.sql("SELECT oid, relacl::text FROM pg_class ORDER BY oid")
    said = grants(deployment, "--apply")
    assert (
        said == "the roles sluice_migrate, sluice_writer and sluice_reader are set up\n"
    )
    deployment.sql(script)
    assert (
        deployment.sql("SELECT oid, relacl::text FROM pg_class ORDER BY oid") == before
    )
    assert owners(deployment) == {OWNER}
    deployment.migrate()
    assert deployment.start_all().http.put("a", "1", "wait=10").status == 201


def test_a_new_collection(deployment, tmp_path):
    """--migrate grants what is needed, and nothing on a table that is no collection."""
    text = {"name": "things", "key": {"type": "integer"}, "fields": FIELDS}
    (tmp_path / "things.json").write_text(json.dumps(text))
    deployment.collections += f":{tmp_path}"
    deployment.sql("CREATE TABLE public.others (a int)")
    deployment.sql("ALTER TABLE public.others OWNER TO sluice_migrate")
    deployment.migrate()
    assert rights(deployment, WRITER, "public.things") == "de in se up"
    assert rights(deployment, READER, "public.things") == "se"
    for role in (WRITER, READER):
        assert rights(deployment, role, "public.others") is None
    api = deployment.start_all()
    headers = {"Prefer": "wait=10", "Content-Type": "application/json"}
    made = api.http.request("POST", "/v1/things", '{"a":1}', headers)
    assert made.status == 201, made
    assert api.http.request("GET", made.header("Location")).json()["a"] == 1


def without_roles(deployment):
    """Its database as before --grants, with one role for everything."""
    deployment.sql("DROP SCHEMA sluice CASCADE")
    deployment.sql("DROP SCHEMA public CASCADE")
    deployment.sql("CREATE SCHEMA public")
    deployment.sql("GRANT USAGE ON SCHEMA public TO PUBLIC")
    servers = deployment.servers
    url = at_database(servers.primary_admin_url, deployment.name)
    deployment.primary_of = lambda kind: url
    deployment.servers = servers.on_postgres(replica=servers.replica_admin_url)


def test_from_one_role_to_three(deployment):
    """Without --grants nobody gets anything; with it, all changes hands at once."""
    with_roles, servers = deployment.primary_of, deployment.servers
    without_roles(deployment)
    deployment.migrate()
    for role in (WRITER, READER):
        assert rights(deployment, role, "public.records") is None
        assert rights(deployment, role, "sluice.progress") is None
    api = deployment.start_all()
    assert api.http.put("a", "1", "wait=10").status == 201
    for daemon in deployment.daemons:
        daemon.stop()
    deployment.daemons.clear()
    assert owners(deployment) == {"postgres"}
    grants(deployment, "--apply")
    assert owners(deployment) == {OWNER}
    deployment.primary_of, deployment.servers = with_roles, servers
    deployment.migrate()
    api = deployment.start_all()
    assert api.http.value("a") == "1"
    assert api.http.put("a", "2", "wait=10").status == 200


@pytest.fixture
def named(deployment):
    """Roles of other names."""
    names = {
        f"role.{kind}": f"{deployment.name}-{kind}@test"
        for kind in ("migrate", "writer", "reader")
    }
    yield names
    with deployment.servers.postgres(deployment.name) as admin:
        there = {name for (name,) in admin.execute("SELECT rolname FROM pg_roles")}
        for name in there & set(names.values()):
            admin.execute(f'DROP OWNED BY "{name}" CASCADE')
            admin.execute(f'DROP ROLE "{name}"')


def test_other_names(deployment, named):
    """They cannot log in, and have no password."""
    assert "sluice_writer" not in grants(deployment, **named)
    grants(deployment, "--apply", **named)
    names = tuple(named.values())
    for attributes in deployment.sql(
        "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolpassword"
        " FROM pg_authid WHERE rolname IN (%s, %s, %s)",
        *names,
    ):
        assert attributes == (False, False, False, False, None)
    assert owners(deployment) == {named["role.migrate"]}
    assert rights(deployment, named["role.writer"], "public.records") == "de in se up"


@pytest.mark.parametrize("name", ["", 'a"b', "a'b", "a b", "x" * 64])
def test_names_that_are_refused(servers, name):
    done = cli.run(servers, "writer", "--migrate", "--grants", f"--role.writer={name}")
    assert done.returncode == 2 and "role.writer" in done.stderr and not done.stdout, (
        done
    )


def test_apply_without_grants(servers):
    done = cli.run(servers, "writer", "--migrate", "--apply")
    assert done.returncode == 2 and "--grants" in done.stderr, done


def test_who_may_not_apply(deployment):
    """What Postgres refuses is said, and nothing is changed."""
    url = deployment.primary_of("writer")
    settings = {**deployment.settings("migrate"), "primary.url": url}
    settings["role.reader"] = f"{deployment.name}-reader"
    every = [f"--{name}={value}" for name, value in settings.items()]
    done = cli.run(
        deployment.servers, "writer", "--migrate", "--grants", "--apply", *every
    )
    assert done.returncode == 1 and "permission denied" in done.stderr, done
