"""A load of writes, what was answered to each, and the check that all the
stores agree with the log in the end.

The log is the truth: who was told 2xx finds the write there, who was told that
it was not accepted does not, and every store must be what the log says.
"""

import collections
import http.client
import json
import random
import threading

from .crowd import in_threads
from .wait import wait_until

REFUSED = ("log-unavailable", "write-buffer-full")
UNKNOWN = ("write-outcome-unknown",)


class Attempt:
    """One request and its answer."""

    def __init__(self, key, value):
        self.key = key
        self.value = value  # unique; None: a delete
        self.result = None  # acked, refused, unknown
        self.position = None


class Load:
    """Threads that write to random keys until `total` writes are acknowledged.
    What was refused or is unknown is tried again, as another write."""

    def __init__(
        self, clients, total, keys, seed, threads=8, pause=0.0, deletes=0.05, tail=""
    ):
        self.clients = clients
        self.total = total
        self.keys = [f"key {i}" for i in range(keys)]
        self.seed = seed
        self.pause = pause
        self.deletes = deletes
        self.tail = tail  # makes the values long
        self.attempts = []
        self.acked = 0
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.errors = []
        self.threads = [
            threading.Thread(target=self._run, args=(i,), daemon=True)
            for i in range(threads)
        ]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        """Enough, whatever the total."""
        self.total = self.acked
        self.join(10)

    @property
    def done(self):
        return self.errors or self.acked >= self.total

    def join(self, deadline):
        wait_until(lambda: self.done, deadline, f"{self.total} writes ({self.acked})")
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        if self.errors:
            raise self.errors[0]

    def _run(self, number):
        rng = random.Random(self.seed + number)
        try:
            for count in range(10**9):
                if self.stopped.is_set() or self.done:
                    return
                self._write(rng, f"{self.seed}.{number}.{count}")
                self.stopped.wait(rng.uniform(0, 2 * self.pause))
        except BaseException as e:
            self.errors.append(e)

    def _write(self, rng, name):
        key = rng.choice(self.keys)
        delete = rng.random() < self.deletes
        client = rng.choice(self.clients)
        for again in range(1000):
            attempt = Attempt(key, None if delete else f"{key} by {name}.{again}{self.tail}")
            self._try(client, attempt)
            with self.lock:
                self.attempts.append(attempt)
                self.acked += attempt.result == "acked"
            if attempt.result == "acked" or self.stopped.is_set():
                return
            self.stopped.wait(0.1)  # what Retry-After is for
        raise AssertionError(f"never accepted: {key}")

    def _try(self, client, attempt):
        try:
            if attempt.value is None:
                answer = client.delete(attempt.key)
            else:
                answer = client.put(attempt.key, attempt.value)
        except (OSError, http.client.HTTPException) as e:
            raise AssertionError(f"no answer: {e!r}") from e
        if answer.status == 202:
            attempt.result = "acked"
            attempt.position = answer.position
            return
        assert answer.status == 503, answer
        assert answer.header("Retry-After"), answer
        assert answer.problem in REFUSED + UNKNOWN, answer
        attempt.result = "refused" if answer.problem in REFUSED else "unknown"

    def summary(self):
        return dict(collections.Counter(a.result for a in self.attempts))


class Log:
    """What is in the log of writes of records, and the rows that follow from it."""

    def __init__(self, deployment):
        self.records = {}  # (partition, offset) -> (key, value)
        self.by_value = {}  # value -> offsets
        self.last = {}  # key -> (value, version)
        read = deployment.servers.read_log(deployment.writes, deployment.partitions)
        for m in read:
            collection, key = m.key().decode().split("/", 1)
            if collection != "records":
                continue
            value = json.loads(m.value())["value"] if m.value() is not None else None
            self.records[m.partition(), m.offset()] = (key, value)
            if value is not None:
                self.by_value.setdefault(value, []).append(m.offset())
            self.last[key] = (value, m.offset())

    def rows(self):
        return {k: last for k, last in self.last.items() if last[0] is not None}


AUDIT = """
CREATE TABLE audit (n bigserial, op text, key text, version bigint);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF tg_op = 'DELETE' THEN
    INSERT INTO audit (op, key, version) VALUES ('gone', old.key, old.version);
  ELSE
    INSERT INTO audit (op, key, version) VALUES ('set', new.key, new.version);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON public.records
  FOR EACH ROW EXECUTE FUNCTION audit();
"""


def audited(deployment):
    """From now on every change of a row is counted by Postgres itself."""
    deployment.sql(AUDIT)


def check_answers(load, log):
    """Who was told 2xx finds the write in the log, at that place; who was told
    that it was not accepted does not find it."""
    twice = {value: found for value, found in log.by_value.items() if len(found) > 1}
    assert not twice, f"in the log more than once: {twice}"
    positions = [a.position for a in load.attempts if a.position]
    assert len(positions) == len(set(positions)), "a position was given twice"
    for a in load.attempts:
        if a.position:
            partition, offset = map(int, a.position.split("-"))
            assert log.records[partition, offset] == (a.key, a.value), vars(a)
        elif a.result == "acked" and a.value:
            assert a.value in log.by_value, f"acknowledged, not in the log: {vars(a)}"
        elif a.result == "refused" and a.value:
            assert a.value not in log.by_value, f"refused, but in the log: {vars(a)}"


def check_rows(deployment, log):
    """Postgres has the last write of every key, by version."""
    rows = {k: (value, version) for k, (value, version, _) in deployment.rows().items()}
    wrong = {
        key: (rows.get(key), log.rows().get(key))
        for key in rows.keys() | log.rows().keys()
        if rows.get(key) != log.rows().get(key)
    }
    assert not wrong, f"row, log: {wrong}"


def check_audit(deployment, log):
    """No version was applied twice, none that is not in the log, and those of a
    key in their order."""
    counts, newest = collections.Counter(), {}
    offsets = collections.defaultdict(dict)
    for (_, offset), (key, value) in log.records.items():
        offsets[key][offset] = value
    for op, key, version in deployment.sql("SELECT op, key, version FROM audit ORDER BY n"):
        counts[op, key, version] += 1
        assert offsets[key].get(version) is not None, (op, key, version)
        if op == "set":
            assert version > newest.get(key, -1), f"{key}: {version} after {newest[key]}"
            newest[key] = version
    twice = [what for what, n in counts.items() if n > 1]
    assert not twice, f"applied more than once: {twice}"


def check_commits(deployment, log):
    """Every key's newest version was announced, with its row, and the last mark
    of every partition says Postgres's watermark."""
    newest, through = {}, [0] * deployment.partitions
    read = deployment.servers.read_log(deployment.commits, deployment.partitions)
    rows = deployment.rows()
    for m in read:
        if m.key() == b"_mark":
            mark = json.loads(m.value())
            through[m.partition()] = max(through[m.partition()], int(mark["through"]))
            continue
        collection, key = m.key().decode().split("/", 1)
        if collection != "records":
            continue
        version = int(dict(m.headers())["version"])
        if version >= newest.get(key, (-1, None))[0]:
            newest[key] = (version, m.value() and m.value().decode())
    assert through == deployment.progress()
    for key, (value, version, document) in rows.items():
        assert newest[key] == (version, document), key
    for key in log.last.keys() - rows.keys():
        # A delete of what was not there is no commit, but one of the key's.
        assert key not in newest or newest[key][1] is None, key


def check_apis(deployment, apis, log):
    """Every API answers every key with the primary's row."""
    rows = deployment.rows()
    ends = deployment.ends()
    after = ", ".join(f"{p}-{end - 1}" for p, end in enumerate(ends) if end)

    def check(api, key):
        answer = api.http.get(key, Sluice_Read_After=after)
        if key in rows:
            assert answer.status == 200, answer
            assert answer.body.decode() == rows[key][2], answer
            assert answer.header("ETag") == f'"{rows[key][1]}"'
        else:
            assert answer.status == 404, answer

    for api in apis:
        in_threads(4, sorted(log.last), lambda key: check(api, key))


def check_redis(deployment, log, complete=True):
    """What Redis holds is what the primary holds; `complete`: for every key."""
    rows = deployment.rows()
    entries = deployment.redis_entries("records")
    for key, entry in entries.items():
        want = (rows[key][1], rows[key][2]) if key in rows else None
        assert entry == want, f"{key}: Redis {entry}, Postgres {want}"
    missing = log.last.keys() - entries.keys()
    assert not (complete and missing), f"{len(missing)} keys are not in Redis"
    return True


def settle(deployment, deadline=60):
    """Waits until the writers and the projectors have done all of the log."""
    wait_until(
        lambda: deployment.progress() == deployment.ends(),
        deadline,
        "Postgres has the whole log",
    )
    deployment.wait_projected(deadline)


def decided(http, position, deadline=20):
    """The state of a write, once this instance has heard what became of it. It hears of
    commits by itself: after settle(), too, it may not have heard of the last ones."""

    def told():
        state = http.page(f"/v1/_writes/{position}")
        return state["state"] != "pending" and state

    return wait_until(told, deadline, f"what became of {position}")


def check_everything(deployment, load, apis):
    settle(deployment)
    log = Log(deployment)
    check_answers(load, log)
    check_rows(deployment, log)
    check_audit(deployment, log)
    check_commits(deployment, log)
    check_redis(deployment, log, complete=False)
    check_apis(deployment, apis[:1], log)
    # Its reads filled Redis, which answers the others; but what L1 answered filled
    # nothing, and is asked for past it.
    for key in log.last.keys() - deployment.redis_entries("records").keys():
        apis[0].http.get(key, Cache_Control="no-cache")
    wait_until(lambda: check_redis(deployment, log), 10, "every key is in Redis")
    check_apis(deployment, apis[1:], log)
