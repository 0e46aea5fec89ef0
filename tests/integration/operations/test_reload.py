"""SIGHUP: what a running daemon reads again, and what it keeps."""

import json
import shutil
import signal

import pytest
from harness import cli
from harness.servers import at_database
from harness.wait import wait_until
from psycopg import sql

every_daemon = pytest.mark.parametrize("kind", cli.KINDS)


def reload(daemon):
    """Returns the line of this reload."""
    before = len(daemon.events("reload"))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(daemon.events("reload")) > before, 20, "reloaded")
    return daemon.events("reload")[-1]


def write(path, **settings):
    path.write_text(
        "".join(f"{k.replace('__', '.')} = {v}\n" for k, v in settings.items())
    )


@pytest.fixture
def conf(tmp_path):
    return tmp_path / "sluice.conf"


def started(deployment, kind, conf, settings=None):
    daemon = deployment.daemon(kind, settings)
    daemon.start(flags=[f"--config={conf}"])
    return daemon


@every_daemon
def test_the_level_of_the_log(deployment, kind, conf):
    write(conf, log__level="error")
    daemon = started(deployment, kind, conf)
    assert daemon.events("start") == []
    daemon.signal(signal.SIGHUP)  # its line is below the level of the log
    unchanged = "sluice_reloads_total", 'result="unchanged"'
    wait_until(lambda: daemon.metrics()[unchanged] > 0, 20, "reloaded")
    write(conf, log__level="info")
    assert "reloaded=log.level failed=0" in reload(daemon)
    assert "reloaded=none failed=0" in reload(daemon)
    (acted,) = daemon.events("audit.acted")[-1:]
    assert 'kind=signal key="" method="SIGHUP"' in acted and 'request=""' in acted, acted
    metrics = daemon.metrics()
    assert metrics["sluice_reloads_total", 'result="reloaded"'] == 1
    assert metrics["sluice_reloads_total", 'result="unchanged"'] > 5
    assert metrics["sluice_reloads_total", 'result="failed"'] == 0


@every_daemon
def test_what_cannot_be_taken_stays_as_it_was(deployment, kind, conf, tmp_path):
    secret = tmp_path / "rack"
    secret.write_text("s3cret")
    more = {"kafka__client__rack__file": secret}
    write(conf, log__level="info", **more)
    daemon = started(deployment, kind, conf)
    for bad, said in (
        (lambda: write(conf, log__levle="warn", **more), "log.levle"),
        (lambda: write(conf, log__level="loud", **more), "loud"),
        (lambda: (write(conf, **more), secret.unlink()), "No such file"),
        (
            lambda: (write(conf, **more), secret.write_text("s3cret2")),
            "kafka.client.rack",
        ),
        (lambda: write(conf, drain__timeout="11s", **more), "drain.timeout"),
    ):
        secret.write_text("s3cret")
        bad()
        assert "reloaded=none failed=1" in reload(daemon)
        assert said in daemon.events("reload.failed")[-1]
        # It works as before, and says so.
        status, text = daemon.readiness()
        assert status == 200 and text.startswith("ready\nnote: the reload of settings")
        assert said in text
        assert daemon.metrics()["sluice_reload_stale"] == 1
    write(conf, log__level="info", **more)
    secret.write_text("s3cret")
    assert "reloaded=none failed=0" in reload(daemon)
    assert daemon.readiness() == (200, "ready\n")
    assert daemon.metrics()["sluice_reload_stale"] == 0
    assert "s3cret" not in daemon.text()
    assert "s3cret" not in json.dumps(daemon.page("/config"))


@every_daemon
def test_collections_are_compared(deployment, kind, conf, tmp_path):
    """Changes wait for a restart, and are told. (test_new_collections.py has new ones.)"""
    shipped = deployment.collections.split(":")[0]
    folder = shutil.copytree(shipped, tmp_path / "collections")
    write(conf, log__level="info")
    daemon = started(deployment, kind, conf, {"collections.dir": folder})
    (folder / "records.json").rename(folder / "entries.json")
    assert "reloaded=none failed=1" in reload(daemon)
    assert "/name: the file of records is called" in daemon.events("reload.failed")[-1]
    declared = json.loads((folder / "entries.json").read_text())
    (folder / "entries.json").unlink()
    posts = json.loads((folder / "posts.json").read_text())
    (folder / "posts.json").write_text(json.dumps(posts | {"description": "Others."}))
    assert "reloaded=none failed=1" in reload(daemon)
    said = "only a restart takes the new declarations (gone: records; changed: posts)"
    assert said in daemon.events("reload.failed")[-1]
    assert [line.split("collection=")[1] for line in daemon.events("collection.kept")] == [
        "records why=gone",
        "posts why=changed",
    ]
    status, text = daemon.readiness()
    assert status == 200 and said in text
    assert daemon.metrics()["sluice_reload_stale"] == 1
    # Its table would have the name of another one's.
    (folder / "more.json").write_text(json.dumps(declared | {"name": "more", "table": "posts"}))
    assert "reloaded=none failed=1" in reload(daemon)
    assert "both need a table" in daemon.events("reload.failed")[-1]
    shutil.rmtree(folder)
    shutil.copytree(shipped, folder)
    assert "reloaded=none failed=0" in reload(daemon)
    assert daemon.readiness() == (200, "ready\n")


def test_urls_that_lead_elsewhere(deployment, conf):
    urls = deployment.settings("api")
    write(conf, **{k.replace(".", "__"): urls[k] for k in urls if "url" in k})
    daemon = deployment.daemon("api")
    for name in ("primary.url", "replica.urls", "redis.url"):
        del daemon.settings[name]
    daemon.start(flags=[f"--config={conf}"])
    elsewhere = dict(urls)
    elsewhere["primary.url"] = at_database(urls["primary.url"], "postgres")
    elsewhere["redis.url"] = urls["redis.url"] + "/3"
    write(conf, **{k.replace(".", "__"): elsewhere[k] for k in urls if "url" in k})
    assert "reloaded=none failed=2" in reload(daemon)
    (one, two) = daemon.events("reload.failed")
    assert "name=primary.url" in one and "restart the daemon" in one
    assert "name=redis.url" in two and "restart the daemon" in two
    assert daemon.readiness()[0] == 200


def set_password(deployment, role, password):
    with deployment.servers.postgres("postgres") as admin:
        admin.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), password)
        )


def end_sessions(deployment, role):
    deployment.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
        role,
    )


@pytest.fixture
def role(deployment):
    """A role of its own that may do what the daemons do."""
    name = f"{deployment.name}_role"
    deployment.sql(f'CREATE ROLE "{name}" LOGIN IN ROLE sluice_reader')
    set_password(deployment, name, "first")
    yield name
    for daemon in deployment.daemons:
        daemon.finish()
    deployment.sql(f'DROP ROLE "{name}"')


def test_passwords_are_rotated(deployment, role, tmp_path):
    """New connections use the new password; nothing is restarted."""
    redis = deployment.servers.redis()
    pg_file, redis_file = tmp_path / "primary", tmp_path / "redis"
    host = deployment.servers.redis_url.split("@")[-1]
    base = deployment.settings("api")["primary.url"].split("@")[1]

    def rotate(password):
        set_password(deployment, role, password)
        redis.acl_setuser(
            role,
            enabled=True,
            reset=True,
            passwords=[f"+{password}"],
            keys=["*"],
            categories=["+@all"],
        )
        pg_file.write_text(f"postgresql://{role}:{password}@{base}\n")
        redis_file.write_text(f"redis://{role}:{password}@{host}\n")

    rotate("first")
    daemon = deployment.daemon("api", {"replica.urls": ""})
    deployment.writer()
    for name in ("primary.url", "redis.url"):
        del daemon.settings[name]
    daemon.settings["primary.url.file"] = pg_file
    daemon.settings["redis.url.file"] = redis_file
    daemon.start()
    daemon.http.put("a", "1", prefer="wait=10")
    try:
        rotate("second")
        # There are more things than these two, but nothing new in them.
        assert "reloaded=primary.url,redis.url failed=0" in reload(daemon)
        end_sessions(deployment, role)
        for client in redis.client_list():
            if client.get("user") == role:
                redis.client_kill_filter(_id=client["id"])
        daemon.wait_ready()
        daemon.http.put("b", "2", prefer="wait=10")
        wait_until(
            lambda: daemon.http.page("/health")["status"] == "healthy", 20, "healthy"
        )
        assert daemon.http.value("b") == "2"
        assert "second" not in daemon.text() and "first" not in daemon.text()
    finally:
        daemon.finish()
        redis.acl_deluser(role)
