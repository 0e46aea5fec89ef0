"""The commands: --help, --version, --check-config, --print-docs, and how they
refuse what they do not understand."""

import hashlib
import json
import re

import pytest
from harness import cli
from harness.servers import ROOT

every_daemon = pytest.mark.parametrize("kind", cli.KINDS)


def refused(done, *words):
    """Exit code 2, and one line on stderr that has these words."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


@every_daemon
def test_help_names_every_setting(servers, kind):
    done = cli.run(servers, kind, "--help")
    assert done.returncode == 0 and done.stderr == ""
    for flag in ("--config=", "--check-config", "--version", "--kafka.PROPERTY"):
        assert flag in done.stdout
    words = " ".join(done.stdout.split())
    for row in cli.settings(servers, kind):
        assert f"--{row.name}={row.default}\n" in done.stdout
        assert row.help in words
    # Wrapped, and in groups.
    assert all(len(line) <= 80 or line.startswith("  --") for line in done.stdout.splitlines())
    assert "\nprimary:\n" in done.stdout and "\nadmin:\n" in done.stdout
    assert cli.run(servers, kind, "-h").stdout == done.stdout


@every_daemon
def test_version(servers, kind):
    done = cli.run(servers, kind, "--version")
    cmake = (ROOT / "CMakeLists.txt").read_text()
    version = cmake.split("project(sluice VERSION ")[1].split()[0]
    first, *libraries = done.stdout.splitlines()
    assert done.returncode == 0
    assert re.fullmatch(rf"sluice-{kind} v{re.escape(version)} \(commit \w+\+?\)", first)
    *libraries, formats = libraries
    assert formats.startswith("formats: "), formats
    found = dict(line.split() for line in libraries)
    assert {"librdkafka", "libmicrohttpd", "libpq", "OpenSSL"} <= set(found)
    assert all(re.match(r"\d+\.\d+", each) for each in found.values()), found


@every_daemon
def test_check_config_of_the_defaults(servers, kind):
    done = cli.run(servers, kind, "--check-config")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"sluice-{kind}: the configuration is valid\n"


@every_daemon
def test_unknown_arguments(servers, kind):
    refused(cli.run(servers, kind, "--nonsense"), f"sluice-{kind}:", "nonsense")
    refused(cli.run(servers, kind, "nonsense"), "nonsense")
    refused(cli.run(servers, kind, "-x"), "-x")
    done = cli.run(servers, kind, "--redis.ulr=redis://x")
    refused(done, "unknown setting 'redis.ulr'", "'redis.url'")


@every_daemon
def test_a_value_behind_a_blank(servers, kind):
    done = cli.run(servers, kind, "--check-config", "--log.level", "debug")
    assert done.returncode == 0, done.stderr
    refused(cli.run(servers, kind, "--log.level"), "--log.level VALUE")
    done = cli.run(servers, kind, "--log.level", "loud")
    refused(done, "'log.level'", "'loud'")


@every_daemon
def test_all_faults_at_once(servers, kind, tmp_path):
    file = tmp_path / "sluice.conf"
    file.write_text("log.level = loud\nlog.partitions = none\n")
    args = [f"--config={file}", "--chek-config", "--primary.ulr", "a-secret", "--redis.url="]
    done = cli.run(servers, kind, *args, SLUICE_NONSENSE="1")
    assert done.returncode == 2 and done.stdout == ""
    lines = done.stderr.splitlines()
    for word in (f"{file}:1", f"{file}:2", "'--check-config'", "'primary.url'", "'nonsense'"):
        assert sum(word in line for line in lines) == 1, done.stderr
    assert "a-secret" not in done.stderr


@every_daemon
def test_unknown_environment(servers, kind):
    done = cli.run(servers, kind, "--check-config", SLUICE_REDIS_ULR="redis://x")
    refused(done, "unknown setting 'redis.ulr'", "'redis.url'")


@every_daemon
def test_unreadable_file(servers, kind, tmp_path):
    missing = tmp_path / "missing.conf"
    done = cli.run(servers, kind, f"--config={missing}", "--check-config")
    refused(done, str(missing), "No such file")


@every_daemon
def test_bad_lines_of_a_file_are_named(servers, kind, tmp_path):
    file = tmp_path / "sluice.conf"
    file.write_text("# a comment\n\nlog.level = loud\n")
    done = cli.run(servers, kind, f"--config={file}", "--check-config")
    refused(done, f"{file}:3", "'log.level'", "'loud'", "debug|info|warn|error")
    file.write_text("log.level info\n")
    done = cli.run(servers, kind, f"--config={file}", "--check-config")
    refused(done, f"{file}:1", "name = value")
    file.write_text("log.leval = info\n")
    done = cli.run(servers, kind, f"--config={file}", "--check-config")
    refused(done, f"{file}:1", "unknown setting 'log.leval'", "'log.level'")


@every_daemon
def test_printed_pages(servers, kind):
    """Every page is a table; nothing is described twice or not at all."""
    for page in ("config", "metrics", "events"):
        done = cli.run(servers, kind, f"--print-docs={page}")
        assert done.returncode == 0 and done.stderr == ""
        head, rule, *rows = done.stdout.splitlines()
        assert head.startswith("| ") and set(rule) <= set("|-")
        assert rows and len(set(rows)) == len(rows)
        assert all("|  |" not in row.rsplit("|", 2)[0][-3:] for row in rows)
        assert all(len(row.rsplit("|", 2)[1].strip()) > 5 for row in rows), rows
    assert cli.run(servers, kind, "--print-docs=nonsense").returncode == 2


@every_daemon
@pytest.mark.parametrize("page", ["config", "metrics", "events"])
def test_docs_are_what_the_programs_print(servers, kind, page):
    """docs/<page>-<daemon>.md or docs/<page>.md holds the printed table."""
    files = [ROOT / "docs" / f"{page}-{kind}.md", ROOT / "docs" / f"{page}.md"]
    files = [f for f in files if f.exists()]
    if not files:
        pytest.skip("there is no such page yet")
    printed = cli.run(servers, kind, f"--print-docs={page}").stdout
    rows = set(printed.splitlines()[2:])
    written = set("\n".join(f.read_text() for f in files).splitlines())
    assert rows - written == set(), "generate the page again"


def test_new_key(servers):
    """A key and its entry for the key file, on standard output, without a server."""
    args = [
        "--new-key",
        "nightly",
        "--role",
        "editor",
        "--role=reader",
        "--expires",
        "90d",
    ]
    done = cli.run(servers, "api", *args)
    assert done.returncode == 0, done.stderr
    key, entry = done.stdout.splitlines()
    entry = json.loads(entry)
    assert key.startswith("slk_nightly_") and len(key) == len("slk_nightly_") + 43
    assert entry["id"] == "nightly" and entry["roles"] == ["editor", "reader"]
    assert entry["sha256"] == hashlib.sha256(key.encode()).hexdigest()
    assert key not in done.stderr
    again = cli.run(servers, "api", *args).stdout.splitlines()[0]
    assert again != key


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--new-key"], "argument '--new-key': expected --new-key NAME"),
        (["--new-key", "--role", "r"], "argument '--new-key': expected --new-key NAME"),
        (
            ["--new-key", "A", "--role", "r"],
            "argument '--new-key' has the bad value 'A'",
        ),
        (["--new-key=a"], "argument '--new-key': needs --role ROLE"),
        (["--role", "r"], "argument '--role': only with --new-key"),
    ],
)
def test_new_key_refuses(servers, args, says):
    done = cli.run(servers, "api", *args)
    assert done.returncode == 2 and done.stdout == ""
    assert says in done.stderr
