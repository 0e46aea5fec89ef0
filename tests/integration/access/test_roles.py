"""The three database roles (--migrate --grants): each may do what its daemons need,
and is refused what they do not need. That the daemons work with them is shown by all
the other tests, whose daemons use them. test_grants.py has the commands."""

import psycopg
import pytest
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
    (
        "SELECT partition, version, reason, detail, successor FROM sluice.rejections",
        ALL,
    ),
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
    ("SELECT * FROM sluice.outbox", BOTH),
    ("DELETE FROM sluice.outbox", BOTH),
    ("INSERT INTO sluice.outbox (collection, key) VALUES ('records', 'a')", (OWNER,)),
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
    finally:
        connection.rollback()
    return False


@pytest.mark.parametrize("role", ROLES)
def test_what_each_role_may_do(module_deployment, servers, role):
    wrong = []
    with connected(servers, role, module_deployment.name) as connection:
        for statement, allowed in STATEMENTS:
            if is_refused(connection, statement) == (role in allowed):
                wrong.append(
                    f"{'allowed' if role not in allowed else 'refused'}: {statement}"
                )
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
