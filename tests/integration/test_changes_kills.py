"""The change feed, while everything that it depends on is killed."""

import json

import pytest
from harness import history
from harness.deployment import QUICK_GROUP
from harness.feed import Follower
from harness.wait import wait_until


@pytest.mark.seconds(300)
def test_kills(deployment):
    """Clients that follow for ever hold the final rows, whoever was killed: APIs,
    writers (whose successors announce again what they left), the client itself."""
    deployment.start_all(apis=2, settings=QUICK_GROUP)
    apis = deployment.of("api")
    deployment.writer(QUICK_GROUP)
    writers = deployment.of("writer")
    followers = [Follower([apis[n % 2], apis[1 - n % 2]]) for n in range(3)]
    load = history.Load(
        [api.http for api in apis], total=10**9, keys=100, seed=5, threads=3, pause=0.005
    ).start()

    def more(n=150):
        seen = followers[0].events
        wait_until(lambda: followers[0].events > seen + n, 60, "more events")

    more()
    for victim in (writers[0], apis[0], writers[1], apis[1], writers[0]):
        victim.sigkill()
        victim.start()
        more()
        followers[1].feed.close()  # a client that breaks off
    load.stop()
    wait_until(lambda: deployment.progress() == deployment.ends(), 60, "all is applied")
    rows = {key: json.loads(doc) for key, (_, _, doc) in deployment.rows().items()}
    for follower in followers:
        wait_until(lambda f=follower: f.present() == rows, 60, "the final rows")
        assert follower.wrong == []
        follower.stop()
    print([(f.events, f.repeats, f.resumes) for f in followers])
    assert all(f.resumes >= 2 for f in followers[:2])
