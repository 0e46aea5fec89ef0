"""The three database roles (--migrate --grants): each may do what its daemons need,
and is refused what they do not need. That the daemons work with them is shown by all
the other tests, whose daemons use them."""

import json

import psycopg
import pytest
from harness import cli
from harness.servers import ROLES, at_database, by_user

ALL = ROLES
OWNER, WRITER, READER = ROLES
NOBODY = ()
BOTH = (OWNER, WRITER)

# A statement, and the roles that may run it; the others are refused.
RECORDS = [
    ("SELECT key, value FROM public.records", ALL),
    ("INSERT INTO public.records VALUES ('k', 'v', now(), now(), 1)", BOTH),
    ("UPDATE public.records SET value = 'v'", BOTH),
    ("DELETE FROM public.records", BOTH),
    ("TRUNCATE public.records", (OWNER,)),
    ("LOCK TABLE public.records IN ACCESS EXCLUSIVE MODE", BOTH),
    ("ALTER TABLE public.records ADD COLUMN more int", (OWNER,)),
    ("ALTER TABLE public.records OWNER TO CURRENT_USER", (OWNER,)),
    ("CREATE INDEX ON public.records (value)", (OWNER,)),
    ("DROP TABLE public.records", (OWNER,)),
]
IDS = [
    ("SELECT nextval('public.posts_id_seq')", (OWNER, READER)),
    ("SELECT setval('public.posts_id_seq', 5000)", (OWNER, READER)),
    ("SELECT last_value FROM public.posts_id_seq", (OWNER,)),
    ("ALTER SEQUENCE public.posts_id_seq INCREMENT BY 1", (OWNER,)),
    (
        "SELECT * FROM sluice.reserve('public.posts_id_seq', 'public.posts', 'id', 1, 1)",
        (OWNER, READER),
    ),
]
KEPT = [
    ("SELECT * FROM sluice.log", ALL),
    ("UPDATE sluice.log SET cluster = 'c'", BOTH),
    ("UPDATE sluice.log SET epoch = 1", (OWNER,)),
    ("DELETE FROM sluice.log", (OWNER,)),
    ("SELECT * FROM sluice.progress", ALL),
    ("SELECT * FROM sluice.progress FOR UPDATE", BOTH),
    ("UPDATE sluice.progress SET horizon = 0", BOTH),
    ("DELETE FROM sluice.progress", (OWNER,)),
    ("INSERT INTO sluice.progress VALUES (99, 0)", (OWNER,)),
    ("SELECT sluice.fence(0, 0, 1)", BOTH),
    ("SELECT * FROM sluice.epochs", (OWNER, READER)),
    ("INSERT INTO sluice.epochs VALUES (0, 0, 1)", (OWNER,)),
    ("SELECT * FROM sluice.collections", ALL),
    ("UPDATE sluice.collections SET generation = 9", (OWNER,)),
    ("SELECT partition, version, reason, detail, successor FROM sluice.rejections", ALL),
    ("SELECT body FROM sluice.rejections", BOTH),
    ("SELECT key FROM sluice.rejections", BOTH),
    ("DELETE FROM sluice.rejections", BOTH),
    ("UPDATE sluice.rejections SET discarded_at = now()", BOTH),
    ("SELECT * FROM sluice.replays", ALL),
    ("DELETE FROM sluice.replays", BOTH),
    ("SELECT * FROM sluice.idempotency", BOTH),
    ("DELETE FROM sluice.idempotency", BOTH),
    ("SELECT * FROM sluice.producers", BOTH),
    ("SELECT * FROM sluice.checkpoints", BOTH),
    ("SELECT * FROM sluice.orders", BOTH),
    ("INSERT INTO sluice.orders VALUES (0, 1)", BOTH),
    ("UPDATE sluice.orders SET ordered_at = now()", (OWNER,)),
    ("TRUNCATE sluice.rejections", (OWNER,)),
    ("ALTER TABLE sluice.progress ADD COLUMN more int", (OWNER,)),
    ("CREATE TABLE sluice.more (a int)", (OWNER,)),
    ("DROP FUNCTION sluice.fence(int, bigint, bigint)", (OWNER,)),
    ("DROP SCHEMA sluice CASCADE", (OWNER,)),
]
AROUND = [
    ("CREATE TABLE public.more (a int)", (OWNER,)),
    ("CREATE SCHEMA more", NOBODY),
    ("CREATE ROLE more", NOBODY),
    ("CREATE EXTENSION file_fdw", NOBODY),
    ("ALTER SYSTEM SET work_mem = '1MB'", NOBODY),
    ("SELECT pg_read_file('postgresql.conf')", NOBODY),
    ("COPY public.records TO PROGRAM 'true'", NOBODY),
    ("SELECT passwd FROM pg_shadow", NOBODY),
    ("SET ROLE postgres", NOBODY),
    ("SET ROLE sluice_migrate", (OWNER,)),
    ("SET ROLE sluice_writer", (WRITER,)),
    ("SET ROLE sluice_reader", (READER,)),
]
STATEMENTS = RECORDS + IDS + KEPT + AROUND


def connected(servers, role, database):
    url = by_user(servers.primary_url, role, servers.passwords[role])
    return psycopg.connect(at_database(url, database))


def is_refused(connection, statement):
    """Tries it, and undoes it. It is spelt as no daemon would (harness/serverlog.py)."""
    try:
        connection.execute(statement.replace("sluice.", '"sluice".'))
    except psycopg.errors.InsufficientPrivilege:
        return True
    except psycopg.errors.ActiveSqlTransaction:  # it got as far as that
        return False
    finally:
        connection.rollback()
    return False


@pytest.mark.parametrize("role", ROLES)
def test_what_each_role_may_do(module_deployment, servers, role):
    wrong = []
    with connected(servers, role, module_deployment.name) as connection:
        for statement, allowed in STATEMENTS:
            if is_refused(connection, statement) == (role in allowed):
                wrong.append(f"{'allowed' if role not in allowed else 'refused'}: {statement}")
    assert not wrong, f"{role}:\n" + "\n".join(wrong)


def test_nobody_else(module_deployment):
    """A role that got nothing has nothing, by PUBLIC either."""
    d = module_deployment
    with psycopg.connect(at_database(d.servers.primary_admin_url, d.name)) as admin:
        for statement, allowed in RECORDS + IDS + KEPT:
            admin.execute("CREATE ROLE stranger")
            admin.execute("SET LOCAL ROLE stranger")
            assert is_refused(admin, statement), statement


def test_whose_sessions_a_writer_may_end(module_deployment, servers):
    """Those of its own user, as it ends blockers; no others."""
    name = module_deployment.name
    with (
        connected(servers, WRITER, name) as writer,
        connected(servers, WRITER, name) as other,
        connected(servers, READER, name) as reader,
        servers.postgres(name) as admin,
    ):
        end = "SELECT pg_terminate_backend({})"
        for session in (reader, admin):
            assert is_refused(writer, end.format(session.info.backend_pid))
        assert is_refused(reader, end.format(writer.info.backend_pid))
        pid = other.info.backend_pid
        assert writer.execute(end.format(pid)).fetchone() == (True,)
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")


# --- what the commands do ---------------------------------------------------------


def grants(deployment, *flags, code=0, **more):
    """--migrate --grants by the superuser; what it printed."""
    settings = deployment.settings("migrate")
    url = at_database(deployment.servers.primary_admin_url, deployment.name)
    settings |= {"primary.url": url, **more}
    every = [f"--{name}={value}" for name, value in settings.items()]
    done = cli.run(deployment.servers, "writer", "--migrate", "--grants", *flags, *every)
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
    assert said == "the roles sluice_migrate, sluice_writer and sluice_reader are set up\n"
    deployment.sql(script)
    assert deployment.sql("SELECT oid, relacl::text FROM pg_class ORDER BY oid") == before
    assert owners(deployment) == {OWNER}
    deployment.migrate()
    assert deployment.start_all().http.put("a", "1", "wait=10").status == 201


def test_a_new_collection(deployment, tmp_path):
    """--migrate grants what is needed, and nothing on a table that is no collection."""
    text = {"name": "things", "key": {"type": "integer"}, "fields": {"a": {"type": "integer"}}}
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
    made = api.http.request("POST", "/v1/things", {"a": 1}, {"Prefer": "wait=10"})
    assert made.status == 201, made
    assert api.http.request("GET", made.header("Location")).json()["a"] == 1


def without_roles(deployment):
    """Its database as before --grants, with one role for everything."""
    deployment.sql("DROP SCHEMA sluice CASCADE")
    deployment.sql("DROP SCHEMA public CASCADE")
    deployment.sql("CREATE SCHEMA public")
    deployment.sql("GRANT USAGE ON SCHEMA public TO PUBLIC")
    url = at_database(deployment.servers.primary_admin_url, deployment.name)
    deployment.primary_of = lambda kind: url


def test_from_one_role_to_three(deployment):
    """Without --grants nobody gets anything; with it, all changes hands at once."""
    with_roles = deployment.primary_of
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
    deployment.primary_of = with_roles
    deployment.migrate()
    api = deployment.start_all()
    assert api.http.value("a") == "1"
    assert api.http.put("a", "2", "wait=10").status == 200


@pytest.fixture
def named(deployment):
    """Roles of other names."""
    names = {
        f"role.{kind}": f"{deployment.name}-{kind}@test" for kind in ("migrate", "writer", "reader")
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
    assert done.returncode == 2 and "role.writer" in done.stderr and not done.stdout, done


def test_apply_without_grants(servers):
    done = cli.run(servers, "writer", "--migrate", "--apply")
    assert done.returncode == 2 and "--grants" in done.stderr, done


def test_who_may_not_apply(deployment):
    """What Postgres refuses is said, and nothing is changed."""
    url = deployment.primary_of("writer")
    settings = {**deployment.settings("migrate"), "primary.url": url}
    settings["role.reader"] = f"{deployment.name}-reader"
    every = [f"--{name}={value}" for name, value in settings.items()]
    done = cli.run(deployment.servers, "writer", "--migrate", "--grants", "--apply", *every)
    assert done.returncode == 1 and "permission denied" in done.stderr, done
