"""A table of another program, whose rows are all changed by one statement: the daemons
do not grow, the metrics say how far the writer is, other clients do not wait behind
the touches, and a writer that dies loses none (docs/invariants.md, INV-10)."""

import json
import time

import pytest
from harness import cli
from harness.client import key_path
from harness.crowd import Background
from harness.deployment import COLLECTIONS, QUICK_GROUP
from harness.servers import at_database
from harness.wait import wait_until

ROWS = 100_000
ITEMS = {
    "name": "items",
    "table": "shop.Items",
    "times": False,
    "key": {"name": "id", "type": "integer", "format": "int32"},
    "columns": {"id": "ItemID", "name": "Item Name"},
    "fields": {"name": {"type": "string", "maxLength": 40}, "stock": {"type": "integer"}},
    "required": ["name", "stock"],
}
TABLE = f"""
CREATE SCHEMA shop;
CREATE TABLE shop."Items" (
    "ItemID" int PRIMARY KEY, "Item Name" varchar(40) NOT NULL, stock bigint NOT NULL);
INSERT INTO shop."Items" SELECT i, 'Item ' || i, 1 FROM generate_series(1, {ROWS}) i;
ALTER TABLE shop."Items" OWNER TO sluice_migrate
"""
UPDATE = 'UPDATE shop."Items" SET stock = 2'
NOTES = "SELECT count(*) FROM sluice.outbox"
SAMPLED = [str(n) for n in range(1, ROWS, ROWS // 20)]
# What a sanitizer keeps of freed memory is no memory of the daemon.
SANITIZER = "quarantine_size_mb=4:thread_local_quarantine_size_kb=64"


@pytest.fixture(scope="module")
def world(module_deploy, servers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("collections")
    (folder / "items.json").write_text(json.dumps(ITEMS))
    world = module_deploy(servers)
    world.sql(TABLE)
    world.collections = f"{COLLECTIONS}:{folder}"
    settings = world.settings("migrate")
    settings["primary.url"] = at_database(servers.primary_admin_url, world.name)
    flags = [f"--{name}={value}" for name, value in settings.items()]
    granted = cli.run(servers, "writer", "--migrate", "--grants", "--apply", *flags)
    assert granted.returncode == 0, granted
    # The first --migrate of a database finds the table: no write has version 0.
    world.sql("DELETE FROM sluice.log")
    world.sql("DELETE FROM sluice.progress")
    world.migrate("--triggers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.daemon.MORE_ASAN_OPTIONS", SANITIZER)
        world.start_all(apis=2, settings=QUICK_GROUP)
        yield world


def item(api, key, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.http.request("GET", key_path(key, "items"), headers=headers)
    assert answer.status == 200, answer
    return answer


def stock(api, key, **headers):
    return item(api, key, **headers).json()["stock"]


def resident(daemon):
    return daemon.metrics()["process_resident_memory_bytes"]


class Progress:
    """What an operator sees, sample after sample, of one life of the writer."""

    def __init__(self, world, most):
        self.world = world
        self.most = most  # resident bytes of each daemon
        self.notes, self.touches, self.ages = [], [], []

    def sample(self):
        for daemon in self.world.daemons:
            self.most[daemon] = max(self.most[daemon], resident(daemon))
        (writer,) = self.world.of("writer")
        m = writer.metrics()
        self.notes.append(int(m["sluice_outbox_notes"]))
        self.touches.append(int(m["sluice_touches_total"]))
        self.ages.append(m["sluice_outbox_age_seconds"])

    def until(self, reached, why):
        def look():
            self.sample()
            return reached(self)

        wait_until(look, 120, why)

    def check_steady(self):
        assert self.notes == sorted(self.notes, reverse=True)
        assert self.touches == sorted(self.touches)
        assert self.notes[0] > 5000, self.notes
        assert all(age > 0 for age, notes in zip(self.ages, self.notes) if notes)


def all_are_touched(world):
    return world.sql('SELECT count(*) FROM shop."Items" WHERE version = 0') == [(0,)]


def test_all_rows_in_one_statement(world, http):
    (writer,) = world.of("writer")
    for api in world.of("api"):
        for key in SAMPLED:
            wait_until(lambda api=api, key=key: stock(api, key) == 1, 20, "it is read")
    before = {daemon: resident(daemon) for daemon in world.daemons}
    most, waited = dict(before), []

    def write():
        """Another client, of another collection."""
        began = time.monotonic()
        answer = http.put(f"meanwhile{len(waited)}", "x", prefer="wait=30")
        # 200: of a writer that died; 202: it is not there again yet.
        assert answer.status in (200, 201, 202), answer
        if answer.status != 202:
            waited.append(time.monotonic() - began)

    began = time.monotonic()
    world.sql(UPDATE)
    changed = time.monotonic()
    first, second = Progress(world, most), Progress(world, most)
    with Background(write):
        first.until(lambda p: p.notes[-1] > 0, "they are noted")
        first.notes.clear(), first.touches.clear(), first.ages.clear()
        first.until(lambda p: p.notes[-1] < ROWS * 0.8 and waited, "some are in the log")
        first.check_steady()
        answered = len(waited)
        writer.sigkill()
        left = world.sql(NOTES)[0][0]
        writer.start()
        second.until(lambda p: len(waited) > answered, "others are answered")
        second.until(lambda p: world.sql(NOTES) == [(0,)], "all are in the log")
        assert second.touches == sorted(second.touches)
    told = time.monotonic()
    # Another client was answered while there were notes: it does not wait for all.
    assert left > 0 and first.touches[-1] > 0
    wait_until(lambda: all_are_touched(world), 120, "each row has a version")
    applied = time.monotonic()
    for api in world.of("api"):
        for key in SAMPLED:
            wait_until(lambda api=api, key=key: stock(api, key) == 2, 20, "it is new")
            assert item(api, key).header("ETag") != '"0"'
    world.wait_projected(60)
    # What Redis holds of it is new, too: a read that L1 does not answer.
    held = world.redis_entries("items")
    assert all(held[key][0] > 0 and '"stock":2' in held[key][1] for key in SAMPLED if key in held)
    grown = {daemon.name: int(most[daemon] - before[daemon]) >> 20 for daemon in world.daemons}
    print(
        f"{ROWS} rows: changed in {changed - began:.1f} s, in the log after"
        f" {told - changed:.1f} s, applied after {applied - told:.1f} s more; MiB more:"
        f" {grown}; another client waited {max(waited):.2f} s at most, of {len(waited)}"
    )
    assert max(grown.values()) < 100, grown
