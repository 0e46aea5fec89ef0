"""docs/degradation.md, row by row: the tests are made from its table."""

import contextlib
import re
from typing import NamedTuple

import pytest
from harness.burst import burst
from harness.client import key_path
from harness.crowd import in_threads
from harness.deployment import QUICK_GROUP
from harness.replica import replay_paused, replica_caught_up
from harness.servers import ROOT, at_database, at_port
from harness.wait import wait_until

COLUMNS = ["in L1", "in Redis", "in neither", "absent, in neither"]
THREADS = 2
FIELDS = ["primary", "replica", "cache", "l1_cache", "l2_cache", "database", "log"]


class Row(NamedTuple):
    away: str
    answers: list  # (status, Cache-Status) by column
    status: str
    unavailable: list
    hole: bool = False  # down: a black hole, not a refusal

    @property
    def faults(self):
        """Tier to what it is: {"redis": "down"}."""
        words = [part.split() for part in self.away.split(", ")]
        return dict(word for word in words if len(word) == 2)

    @property
    def bypass(self):
        return "bypass" in self.away

    @property
    def name(self):
        return self.away + (", black holes" if self.hole else "")


def table():
    """The rows of the page, Kafka's last; the others with black holes, too."""
    rows = []
    for line in (ROOT / "docs" / "degradation.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) != 6 or set(cells[0]) == {"-"}:
            continue
        if cells[0] == "away":
            assert cells[1:5] == COLUMNS, cells
            continue
        answers = [re.fullmatch(r"(\d+) `([^`]+)`", cell).groups() for cell in cells[1:5]]
        status, _, fields = cells[5].partition(": ")
        row = Row(
            cells[0],
            [(int(s), said) for s, said in answers],
            status,
            sorted(fields.split(", ")) if fields else [],
        )
        rows.append(row)
        if "down" in row.faults.values() and "kafka" not in row.faults:
            rows.append(row._replace(hole=True))
    assert len(rows) > 20
    return sorted(rows, key=lambda row: "kafka" in row.faults)


ROWS = table()


def key_of(row, column):
    return f"{row.name}: {column}"


# --- an API behind proxies, and keys for every row ------------------------------------


@pytest.fixture(scope="module")
def apis(servers, module_deployment, proxies):
    """By `bypass`; the writer, the projector and a third API are not behind the
    proxies."""
    d = module_deployment
    direct = d.start_all(settings=QUICK_GROUP)
    settings = {
        "redis.timeout": "1s",
        "http.threads": THREADS,
        "l1.ttl": "1h",
        "l2.ttl": "1h",
        "redis.url": at_port(servers.redis_url, proxies["redis"].port),
        "replica.urls": at_port(
            at_database(servers.replica_url, d.name), proxies["replica"].port
        ),
        "primary.url": at_port(
            at_database(servers.primary_url, d.name), proxies["primary"].port
        ),
    }
    made = {False: d.api(settings)}
    made[True] = d.api({**settings, "read.without_log": "bypass"})
    prepare(d, direct, made)
    return made


def prepare(d, direct, apis):
    """All is well: every row gets its keys, in their places."""
    keys = [key_of(row, c) for row in ROWS for c in COLUMNS[:3]]
    answers = in_threads(8, keys, lambda k: direct.http.put(k, "old", prefer="wait=20"))
    assert {a.status for a in answers} == {201}
    replica_caught_up(d)
    after = ", ".join(f"{p}-{end - 1}" for p, end in enumerate(d.ends()) if end)
    for row in ROWS:
        api = apis[row.bypass]
        api.http.get(key_of(row, "in L1"), Sluice_Read_After=after)
        direct.http.get(key_of(row, "in Redis"), Sluice_Read_After=after)


def health(api):
    return api.http.request("GET", "/health")


def is_healthy(api):
    wait_until(lambda: health(api).json()["status"] == "healthy", 40, "it is healthy")


def asks_every_tier(api):
    wait_until(lambda: api.metrics()["sluice_tier_down"] == 0, 20, "every tier is asked")


# --- faults ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kafka_is_down(servers, apis):
    with servers.away("kafka", "kill"):
        for api in apis.values():
            wait_until(
                lambda api=api: health(api).json()["log"] == "unavailable",
                30,
                "it is noticed",
            )
        yield
    for api in apis.values():
        is_healthy(api)


@contextlib.contextmanager
def behind(d, api, row):
    """The replica stops to apply; the key is written, and that is heard of."""
    with replay_paused(d):
        answer = api.http.put(key_of(row, "in neither"), "new", prefer="wait=20")
        assert answer.status == 200, answer
        yield


@contextlib.contextmanager
def as_the_row_says(row, d, api, proxies, request):
    with contextlib.ExitStack() as stack:
        for tier, what in row.faults.items():
            if tier == "kafka":
                request.getfixturevalue("kafka_is_down")
            elif what == "behind":
                stack.enter_context(behind(d, api, row))
            elif what == "loading":
                stack.enter_context(proxies[tier].fault("loading"))
            else:
                mode = "blackhole" if row.hole else "refuse"
                stack.enter_context(proxies[tier].fault(mode))
        yield


def passed_over(row):
    """The tiers that no thread asks."""
    down = {t for t, what in row.faults.items() if what in ("down", "loading")}
    return down - {"kafka"}


def first_moments(row, api):
    """Reads, until no thread asks what is down any more."""
    wanted = passed_over(row)

    def noticed():
        paths = [key_path(f"{row.name}, first moments {i}") for i in range(40)]
        burst(api.http.port, paths)
        m = api.metrics()
        down = [m["sluice_tier_down", f'tier="{t}"'] for t in wanted]
        return all(n == THREADS for n in down)

    wait_until(noticed, 20, "it is passed over")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row, apis, module_deployment, proxies, request):
    api = apis[row.bypass]
    if "kafka" not in row.faults:
        is_healthy(api)
    asks_every_tier(api)  # the row before may have taken them away
    with as_the_row_says(row, module_deployment, api, proxies, request):
        first_moments(row, api)
        for column, (status, said) in zip(COLUMNS, row.answers):
            answer = api.http.get(key_of(row, column))
            assert (answer.status, answer.cache) == (status, said), (column, answer)
            # What is down is not asked, so that it costs no time.
            timing = answer.header("Server-Timing")
            asked = {entry.split(";")[0] for entry in timing.split(", ")}
            assert not asked & passed_over(row), (column, answer)
            if status == 503:
                assert answer.problem == "store-unavailable"
                assert answer.header("Retry-After")
            if status == 200:
                new = "behind" in said
                assert answer.json()["value"] == ("new" if new else "old")

        def said_so():
            answer = health(api)
            fields = answer.json()
            down = [f for f in FIELDS if fields[f] == "unavailable"]
            assert fields["status"] == row.status, fields
            assert sorted(down) == row.unavailable, fields
            return answer.status == (503 if row.status == "unhealthy" else 200)

        wait_until(said_so, 10, "/health says it")
