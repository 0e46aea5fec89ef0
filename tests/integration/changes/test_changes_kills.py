"""The change feed, while everything that it depends on is killed."""

import http.client
import json
import random
import threading

import pytest
from harness.deployment import QUICK_GROUP
from harness.feed import Follower
from harness.wait import wait_until


class Load:
    """Threads that put and delete, whoever is there to take it."""

    def __init__(self, ports, keys=60):
        self.ports, self.keys = ports, keys
        self.stopped = threading.Event()
        self.acked = 0
        self.lock = threading.Lock()
        self.threads = [
            threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(3)
        ]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        rng, connection = random.Random(number), None
        while not self.stopped.wait(rng.uniform(0, 0.01)):
            path = f"/v1/records/key{rng.randrange(self.keys)}"
            body = json.dumps({"value": f"{number} {rng.random()}"})
            method = "DELETE" if rng.random() < 0.1 else "PUT"
            try:
                connection = connection or http.client.HTTPConnection(
                    "127.0.0.1", rng.choice(self.ports), timeout=20
                )
                headers = {"Content-Type": "application/json"}
                connection.request(method, path, body if method == "PUT" else None, headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection = None
                continue
            with self.lock:
                self.acked += answer.status == 202

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(30)


@pytest.mark.seconds(300)
def test_kills(deployment):
    """Clients that follow for ever hold the final rows, whoever was killed: APIs,
    writers (whose successors announce again what they left), the client itself."""
    deployment.start_all(apis=2, settings=QUICK_GROUP)
    apis = deployment.of("api")
    deployment.writer(QUICK_GROUP)
    writers = deployment.of("writer")
    followers = [Follower([apis[n % 2], apis[1 - n % 2]]) for n in range(3)]
    load = Load([api.http.port for api in apis])

    def more(n=150):
        seen = [f.events for f in followers]

        def all_hear():
            return all(f.events > was + n for f, was in zip(followers, seen, strict=True))

        wait_until(all_hear, 60, f"more events than {seen}")

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
