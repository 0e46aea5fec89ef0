"""The database's disk is full: the log is the buffer until there is room again."""

import os
import random
import subprocess

import pytest
from harness import history
from harness.deployment import QUICK_GROUP
from harness.outage import check_nothing_rejected, not_ready, retries
from harness.postgres import Postgres, url_of
from harness.wait import wait_until


@pytest.fixture
def small_disk(servers):
    """A server of its own, with a tablespace on a file system of 16 MiB."""
    server = Postgres(servers, "outage-primary")
    disk = server.folder.with_suffix(".disk")
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m,mode=777", "tmpfs", disk],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        disk.rmdir()
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        server.create()
        space = disk / "space"
        space.mkdir()
        os.chown(space, server.owner.st_uid, server.owner.st_gid)
        server.sql(f"CREATE TABLESPACE small LOCATION '{space}'")
        server.disk = disk
        yield server
    finally:
        server.close()
        subprocess.run(["umount", "-l", disk], check=True)
        disk.rmdir()


def test_a_full_disk(servers, small_disk, deploy):
    url = url_of("sluice_reader", servers.passwords["sluice_reader"], small_disk)
    admin = url_of("postgres", small_disk.password, small_disk)
    deployment = deploy(
        servers.on_postgres(
            primary=url, replica=url, primary_admin=admin, replica_admin=admin
        )
    )
    deployment.sql("ALTER TABLE records SET TABLESPACE small")
    api = deployment.start_all(settings=QUICK_GROUP)
    (writer,) = deployment.of("writer")
    history.audited(deployment)
    filler = small_disk.disk / "filler"
    # Almost all of it, in one go.
    filler.write_bytes(bytes(15 << 20))
    # Not one that compresses well.
    large = "".join(random.Random(1).choices("abcdefghijklmnop0123456789", k=8000))
    load = history.Load([api.http], total=400, keys=10**6, seed=1, deletes=0, tail=large)
    load.start().join(60)
    wait_until(lambda: not_ready(writer, "53100"), 20, "it is said")
    assert retries(writer) > 0
    (line,) = writer.events("batch.retry")[:1]
    assert "code=53100" in line and "No space left on device" in line
    assert deployment.progress() != deployment.ends()
    filler.unlink()
    history.settle(deployment)
    writer.wait_ready()
    check_nothing_rejected(deployment)
    history.check_everything(deployment, load, [api])
