"""What was decided stays decided, whatever is restarted.

In a file of its own: a deployment beside a `world` would share its Redis.
"""

from harness.deployment import QUICK_GROUP
from test_decide import count, counter, increment


def test_a_retry_after_restarts_of_everything(deployment):
    api = deployment.start_all(settings=QUICK_GROUP)
    count(api.http, "idem", count=0)
    first = increment(api.http, "idem", {"count": 5}, Idempotency_Key="k-1")
    assert first.status == 200, first
    for daemon in (deployment.of("writer")[0], api):
        daemon.sigkill()
        daemon.start()
    again = increment(
        api.http, "idem", {"count": 5}, Idempotency_Key="k-1", Prefer="wait=30"
    )
    assert (again.status, again.position) == (200, first.position), again
    assert counter(api.http, "idem")["count"] == 5
