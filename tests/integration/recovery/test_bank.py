"""INV-9 for readers: transfers between the accounts of a group, by atomic batches,
while every daemon and every server is killed. Who reads a group has the same sum at any
moment, from every tier of both instances.

SLUICE_TEST_SEED repeats what the clients and the faults draw."""

import os
import random

import pytest
from harness import history
from harness.bank import Bank
from harness.crowd import Background
from harness.deployment import QUICK_GROUP
from harness.mischief import Mischief, well_again
from harness.sessions import Instance

CLIENTS, READERS = 16, 4
KILLED = [
    f"{name} killed"
    for name in ("writer", "projector", "api", "replica", "redis", "broker", "primary")
]


@pytest.mark.seconds(200)
def test_the_sums_never_differ(deployment):
    seed = int(os.environ.get("SLUICE_TEST_SEED", random.randrange(2**32)))
    print(f"SLUICE_TEST_SEED={seed}")
    deployment.start_all(apis=2, settings=QUICK_GROUP)
    instances = [Instance(n, d) for n, d in enumerate(deployment.of("api"))]
    bank = Bank(deployment.of("api"), groups=10, seed=seed)
    bank.open()
    loops = [bank.client(n) for n in range(CLIENTS)]
    loops += [bank.reader(n) for n in range(READERS)]
    mischief = Mischief(deployment, instances, random.Random(seed))
    with well_again(deployment):
        with Background(*loops) as load:
            mischief.run(lambda: load.errors or len(mischief.done) == len(KILLED), KILLED)
            for daemon in deployment.daemons:
                daemon.wait_ready(60)
    history.settle(deployment, 90)
    print(bank.summary(), mischief.done)
    assert bank.faults == [], bank.faults[:3]
    bank.settled(deployment)
    assert {"l1", "replica"} <= set(bank.tiers), bank.tiers
    statuses = [t.status for t in bank.transfers.values()]
    assert statuses.count(200) > 50 and {409, 412} & set(statuses)
