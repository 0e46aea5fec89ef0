"""Settings: their ranges, where they come from and which source wins."""

import json

import pytest
from harness import cli
from harness.deployment import Deployment

every_daemon = pytest.mark.parametrize("kind", cli.KINDS)


def check(servers, kind, *args, **env):
    return cli.run(servers, kind, *args, "--check-config", **env)


def accepts(servers, kind, name, value):
    done = check(servers, kind, f"--{name}={value}")
    assert done.returncode == 0, done.stderr


def rejects(servers, kind, row, value, shown=None):
    """The message names the key, the value, and what is allowed."""
    done = check(servers, kind, f"--{row.name}={value}")
    assert done.returncode == 2, f"{row.name}={value} was accepted"
    for part in (f"'{row.name}'", f"'{shown or value}'", row.allowed):
        assert part in done.stderr, done.stderr


@every_daemon
def test_every_row(servers, kind):
    """One call accepts all the defaults; just outside of a range is refused."""
    rows = cli.settings(servers, kind)
    done = check(servers, kind, *[f"--{row.name}={row.default}" for row in rows])
    assert done.returncode == 0, done.stderr
    for row in rows:
        if row.range:
            (low, unit), (high, _) = map(cli.base_units, row.range)
            unit = unit or cli.base_units(row.range[1])[1]
            rejects(servers, kind, row, f"{low - 1}{unit}")
            rejects(servers, kind, row, f"{high + 1}{unit}")
            rejects(servers, kind, row, "many")
            rejects(servers, kind, row, f"{row.range[0]}x")
        for choice in row.choices:
            accepts(servers, kind, row.name, choice)
        if row.choices:
            rejects(servers, kind, row, "nonsense")
        if row.allowed == "host:port":
            for bad in ("nonsense", ":80", "localhost:", "localhost:65536", "a:b"):
                rejects(servers, kind, row, bad)


@every_daemon
def test_bounds_are_allowed(servers, kind):
    rows = [row for row in cli.settings(servers, kind) if row.range]
    for end in (0, 1):
        flags = [f"--{row.name}={row.range[end]}" for row in rows]
        done = check(servers, kind, *flags)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["writer", "projector"])
def test_a_name_that_kafka_does_not_take(servers, kind):
    done = check(servers, kind, "--group.instance=a b")
    assert done.returncode == 2
    assert "'group.instance'" in done.stderr and "'a b'" in done.stderr


@pytest.mark.parametrize("name", ["primary.url", "replica.urls", "redis.url"])
def test_bad_urls_are_refused_without_their_password(servers, name):
    bad = "redis://u:s3cret@h:notaport"
    if name != "redis.url":
        bad = "postgresql://u:s3cret@h:1/?nonsense=1"
    done = check(servers, "api", f"--{name}={bad}")
    assert done.returncode == 2
    assert name in done.stderr
    assert "s3cret" not in done.stderr


def test_pool_sizes_must_fit(servers):
    done = check(servers, "api", "--pool.min_size=20", "--pool.max_size=10")
    assert done.returncode == 2
    assert "pool.min_size" in done.stderr and "pool.max_size" in done.stderr


@every_daemon
def test_kafka_properties_pass_through(servers, kind):
    assert check(servers, kind, "--kafka.linger.ms=3").returncode == 0
    assert check(servers, kind, SLUICE_KAFKA_LINGER_MS="3").returncode == 0
    done = check(servers, kind, "--kafka.nonsense.ms=3")
    assert done.returncode == 2
    assert "kafka.nonsense.ms" in done.stderr
    done = check(servers, kind, "--kafka.linger.ms=many")
    assert done.returncode == 2
    assert "kafka.linger.ms" in done.stderr and "many" in done.stderr


@every_daemon
def test_no_error_shows_what_may_be_a_secret(servers, kind, tmp_path):
    """Its name may be misspelt, or its value be an argument of its own."""
    file = tmp_path / "sluice.conf"
    for name in ("kafka.sasl.pasword", "kafka.ssl.key.pem", "primary.pasword"):
        file.write_text(f"{name} = s3cretpw\n")
        variable = f"SLUICE_{name.upper().replace('.', '_')}"
        for done in (
            check(servers, kind, f"--{name}=s3cretpw"),
            check(servers, kind, f"--{name}", "s3cretpw"),
            check(servers, kind, f"--config={file}"),
            check(servers, kind, **{variable: "s3cretpw"}),
        ):
            said = done.stdout + done.stderr
            assert "s3cretpw" not in said, said
            if name != "kafka.ssl.key.pem":
                assert done.returncode == 2 and name in said, said


@every_daemon
def test_a_value_from_a_file(servers, kind, tmp_path):
    secret = tmp_path / "secret"
    conf = tmp_path / "sluice.conf"
    secret.write_text("redis://u:s3cretpw@127.0.0.1:1\n")
    conf.write_text(f"redis.url.file = {secret}\n")
    for args, env in (
        ([f"--redis.url.file={secret}"], {}),
        ([f"--redis-url-file={secret}"], {}),
        ([f"--config={conf}"], {}),
        ([], {"SLUICE_REDIS_URL_FILE": str(secret)}),
    ):
        assert check(servers, kind, *args, **env).returncode == 0
        done = check(servers, kind, "--redis.url=redis://h", *args, **env)
        assert done.returncode == 2
        assert "'redis.url' and as 'redis.url.file'" in done.stderr
    secret.write_text("s3cretpw")
    for name in ("redis.url", "primary.ulr", "log.level", "kafka.linger.ms"):
        done = check(servers, kind, f"--{name}.file={secret}")
        assert done.returncode == 2 and name in done.stderr
        assert "s3cretpw" not in done.stderr, done.stderr
    done = check(servers, kind, f"--redis.url.file={tmp_path}/gone")
    assert done.returncode == 2
    assert f"{tmp_path}/gone" in done.stderr and "No such file" in done.stderr


# --- which source wins --------------------------------------------------------

NOWHERE = {
    "primary.url": "postgresql://u:s3cret@127.0.0.1:1/db",
    "replica.urls": "postgresql://u:s3cret@127.0.0.1:1/db",
    "redis.url": "redis://u:s3cret@127.0.0.1:1",
    "kafka.bootstrap.servers": "127.0.0.1:1",
}


@pytest.fixture
def alone(servers, tmp_path):
    """Makes daemons that reach no server; they need none to tell their settings."""
    made = []

    def make(kind, settings):
        nothing = Deployment(servers, tmp_path)
        daemon = nothing.daemon(kind)
        keep = {k: v for k, v in daemon.settings.items() if k.endswith(".listen")}
        daemon.settings = {**keep, **settings}
        made.append(daemon)
        return daemon

    yield make
    for daemon in made:
        daemon.finish()


def shown(daemon, **env):
    daemon.start(ready=False, env=env)
    daemon.wait_alive()
    return daemon.page("/config")


def test_flags_over_environment_over_file(alone, tmp_path):
    file = tmp_path / "api.conf"
    lines = {**NOWHERE, "l1.ttl": "1s", "l2.ttl": "2s", "read.timeout": "3s"}
    file.write_text("".join(f"{k} = {v}\n" for k, v in lines.items()))
    daemon = alone("api", {"config": file, "read.timeout": "30s"})
    config = shown(daemon, SLUICE_L2_TTL="20s", SLUICE_READ_TIMEOUT="4s")
    assert config["l1.ttl"] == "1s"
    assert config["l2.ttl"] == "20s"
    assert config["read.timeout"] == "30s"
    assert config["pool.max_size"] == "10"


def test_the_seeds_variables(alone):
    daemon = alone("api", {"kafka.bootstrap.servers": "127.0.0.1:1"})
    config = shown(
        daemon,
        PRIMARY_DATABASE_URL="postgresql://a@127.0.0.1:1/one",
        REPLICA_DATABASE_URL="postgresql://a@127.0.0.1:1/two",
        REDIS_URL="redis://127.0.0.1:1",
        DB_POOL_MIN_SIZE="3",
        DB_POOL_MAX_SIZE="7",
        L1_CACHE_SIZE="1000",
        L1_CACHE_TTL="61",
        L2_CACHE_TTL="301",
    )
    assert config["primary.url"] == "postgresql://a@127.0.0.1:1/one"
    assert config["replica.urls"] == "postgresql://a@127.0.0.1:1/two"
    assert config["redis.url"] == "redis://127.0.0.1:1"
    assert (config["pool.min_size"], config["pool.max_size"]) == ("3", "7")
    assert config["l1.entries"] == "1000"
    assert (config["l1.ttl"], config["l2.ttl"]) == ("61s", "301s")


def test_sluices_own_names_over_the_seeds(alone):
    daemon = alone("api", {"kafka.bootstrap.servers": "127.0.0.1:1"})
    config = shown(
        daemon,
        DATABASE_URL="postgresql://a@127.0.0.1:1/one",
        SLUICE_PRIMARY_URL="postgresql://a@127.0.0.1:1/other",
        CACHE_TTL="17",
    )
    assert config["primary.url"] == "postgresql://a@127.0.0.1:1/other"
    assert config["l2.ttl"] == "17s"


@every_daemon
def test_aliases_with_bad_values_are_named(servers, kind):
    rows = {row.name: row for row in cli.settings(servers, kind)}
    assert rows["redis.url"].aliases == ["REDIS_URL"]
    assert "DATABASE_URL" in rows["primary.url"].aliases
    if kind == "api":
        done = check(servers, kind, DB_POOL_MAX_SIZE="none")
        assert done.returncode == 2
        assert "DB_POOL_MAX_SIZE" in done.stderr and "'none'" in done.stderr


# --- former names -------------------------------------------------------------


def renamed(servers):
    """(daemon, name, former name) of each setting that has a former name."""
    for kind in cli.KINDS:
        for row in cli.settings(servers, kind):
            for alias in row.aliases:
                if not alias.isupper():
                    yield kind, row, alias


def test_a_former_name_works_and_is_warned_of(alone):
    daemon = alone("api", {**NOWHERE, "write.seed_wait": "7s"})
    config = shown(daemon)
    assert config["compat.write_wait"] == "7s"
    assert "write.seed_wait" not in config
    (line,) = daemon.events("setting.renamed")
    assert "former=write.seed_wait name=compat.write_wait" in line
    assert "level=warn" in line


def test_every_former_name_in_every_source(servers, tmp_path):
    file = tmp_path / "sluice.conf"
    some = list(renamed(servers))
    assert ("api", "write.seed_wait") in [(kind, former) for kind, _, former in some]
    for kind, row, former in some:
        file.write_text(f"{former} = {row.default}\n")
        variable = "SLUICE_" + former.upper().replace(".", "_")
        for args, env in (
            ([f"--{former}={row.default}"], {}),
            ([f"--{former.replace('.', '-')}={row.default}"], {}),
            ([f"--config={file}"], {}),
            ([], {variable: row.default}),
        ):
            done = check(servers, kind, *args, **env)
            assert done.returncode == 0, done.stderr
            (line,) = [s for s in done.stderr.splitlines() if "warning" in s]
            assert f"'{former}'" in line and f"'{row.name}'" in line
            done = check(servers, kind, f"--{row.name}={row.default}", *args, **env)
            assert done.returncode == 2
            assert f"'{former}'" in done.stderr and f"'{row.name}'" in done.stderr


@every_daemon
def test_no_page_or_log_shows_a_password(alone, kind):
    settings = dict(NOWHERE)
    if kind != "api":
        del settings["replica.urls"]
    settings["kafka.sasl.password"] = "s3cret"
    daemon = alone(kind, settings)
    config = shown(daemon)
    assert config["redis.url"] == "redis://u:***@127.0.0.1:1"
    assert config["kafka.sasl.password"] == "***"
    assert "s3cret" not in json.dumps(config)
    daemon.finish()
    assert "s3cret" not in daemon.text()


@every_daemon
def test_what_came_from_a_file_is_shown_as_a_file(alone, kind, tmp_path):
    settings = {k: v for k, v in NOWHERE.items() if k != "replica.urls"}
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    url = tmp_path / "url"
    url.write_text(settings.pop("redis.url"))
    settings["kafka.sasl.password.file"] = str(secret)
    settings["redis.url.file"] = str(url)
    daemon = alone(kind, settings)
    config = shown(daemon)
    assert config["redis.url"] == "redis://u:***@127.0.0.1:1"
    assert config["redis.url.file"] == str(url)
    assert config["kafka.sasl.password"] == "***"
    assert config["kafka.sasl.password.file"] == str(secret)
    assert "s3cret" not in json.dumps(config)
    daemon.finish()
    assert "s3cret" not in daemon.text()


JWT = ["--auth.jwt.issuer=https://id.example", "--auth.jwt.audience=sluice"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ["--auth.keys={}/no.json"],
            "'auth.keys': {}/no.json: No such file or directory",
        ),
        (
            ["--auth.keys={}/bad.json"],
            "'auth.keys': {}/bad.json: keys[0].id: must be a string",
        ),
        (
            ["--auth.jwt.jwks={}/bad.json", *JWT],
            "'auth.jwt.jwks': {}/bad.json: no key can be used",
        ),
        (
            ["--auth.jwt.jwks=http://id.example/", *JWT],
            "'auth.jwt.jwks' has a bad value",
        ),
        (
            ["--auth.jwt.jwks=https://id.example/", JWT[0]],
            "'auth.jwt.audience': must be set",
        ),
        (["--auth.jwt.roles=/a~"], "'auth.jwt.roles' has the bad value '/a~'"),
    ],
)
def test_credentials(servers, tmp_path, args, says):
    """What is wrong with a file of keys is said before the start, with its place."""
    (tmp_path / "bad.json").write_text('{"keys":[{}]}')
    done = check(servers, "api", *[arg.format(tmp_path) for arg in args])
    assert done.returncode == 2
    assert says.format(tmp_path) in done.stderr
