"""Atomic batches and a failover that loses commits: a batch that was acknowledged, and
whose commit is lost, is applied again as a whole, with the outcome that was announced.
Caches and feeds of both instances agree with the rows, and no reader sees a part."""

import random

import pytest
from harness import history
from harness.bank import Bank
from harness.crowd import Background, in_threads
from harness.deployment import QUICK_GROUP
from harness.feed import Follower
from harness.replica import replica_caught_up
from harness.wait import wait_until

COLLECTIONS = ("accounts", "transfers")


@pytest.fixture
def deployment(pair, deploy):
    made = deploy(pair.on())
    made.start_all(apis=2, settings=QUICK_GROUP)
    return made


def some(bank, n):
    """So many transfers of four clients at once."""
    rngs = [random.Random(f"{bank.seed} {len(bank.transfers)} {i}") for i in range(4)]
    made = in_threads(4, range(n), lambda i: bank.transfer(rngs[i % 4]))
    assert all(t.status for t in made), [vars(t) for t in made if not t.status]
    return made


def check_feed(rows, collection, feed):
    """Who kept a copy by the feed has what is there."""
    want = {
        key: int(version)
        for documents in rows.values()
        for key, (version, _) in documents[collection].items()
    }
    got = lambda: {key: feed.versions[key] for key in feed.present()}
    wait_until(lambda: got() == want, 30, f"the feed of {collection} has told all")
    assert not feed.wrong, feed.wrong[:3]
    feed.stop()


@pytest.mark.seconds(200)
def test_batches_whose_commits_are_lost(deployment, pair):
    apis, (writer,) = deployment.of("api"), deployment.of("writer")
    bank = Bank(apis, groups=4, seed=20261130)
    feeds = {c: Follower(apis, c) for c in COLLECTIONS}
    bank.open()
    some(bank, 30)
    history.settle(deployment)
    replica_caught_up(deployment)

    pair.cut()
    before = sum(deployment.progress())
    lost = some(bank, 80)
    assert sum(deployment.progress()) - before >= len(lost)
    assert {200, 409} <= {t.status for t in lost}, bank.summary()
    had = bank.rows(deployment)
    for api in apis:  # both instances hold what will be lost
        for group in bank.groups:
            bank.read(api, group)

    more = [bank.client(n) for n in range(2)]
    with Background(*(bank.reader(n) for n in range(3)), *more) as load:
        pair.fail_over()
        sent = len(bank.transfers)
        wait_until(lambda: load.errors or len(bank.transfers) > sent + 20, 60, "they go on")
    history.settle(deployment, 90)
    assert writer.events("postgres.went_back") and not writer.events("outcomes.anew")
    print(bank.summary())

    # Each is there again under its old version, with its old outcome.
    rows = bank.rows(deployment)
    for group, documents in had.items():
        again = rows[group]["transfers"]
        assert documents["transfers"].items() <= again.items(), group
    bank.settled(deployment)
    for t in random.Random(1).sample(lost, 20):
        assert bank.ask(t, apis[t.number % 2]) and t.replayed, vars(t)
    assert bank.rows(deployment) == rows
    for collection, feed in feeds.items():
        check_feed(rows, collection, feed)
