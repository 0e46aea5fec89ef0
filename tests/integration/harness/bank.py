"""A bank: accounts in groups, transfers by atomic batches, and readers of whole
groups. Whatever happens, a group has the money that it began with, and each balance is
what the transfers of the same answer have made of it."""

import collections
import http.client
import itertools
import json
import random
import threading

from . import history
from .crowd import in_threads

BALANCE = 100
PAUSE_S = 0.3  # of a client or reader, at most: the servers need the machine, too
ACCOUNTS = "abcdefghij"
DECIDED = {200, 409, 412}
WAIT = {"Content-Type": "application/json", "Prefer": "wait=5"}


class Transfer:
    """`status` None: nothing is known of it."""

    def __init__(self, number, group, source, target, amount):
        self.number, self.group, self.amount = number, group, amount
        self.source, self.target = source, target
        self.key = f"{group}:t{number}"
        self.status = self.position = self.operations = None
        self.replayed = False

    def increments(self):
        """The database decides whether there is enough."""
        return [
            self.on("increment", self.source, {"balance": -self.amount}),
            self.on("increment", self.target, {"balance": self.amount}),
        ]

    def puts(self, documents):
        """Both balances, if nobody has changed them since they were read."""
        made = []
        for account, amount in ((self.source, -self.amount), (self.target, self.amount)):
            version, document = documents["accounts"][f"{self.group}:{account}"]
            put = self.on("put", account, {"balance": document["balance"] + amount})
            made.append({**put, "if_match": f'"{version}"'})
        return made

    def on(self, op, account, document):
        key = f"{self.group}:{account}"
        return {"op": op, "collection": "accounts", "key": key, "document": document}

    def noted(self):
        document = {"amount": self.amount}
        return {"op": "create", "collection": "transfers", "key": self.key, "document": document}


def answered(api, method, path, body=None, headers=None):
    """The answer; None: the API is away, or says that it cannot answer now."""
    try:
        answer = api.http.request(method, path, body, headers)
    except (OSError, http.client.HTTPException):
        return None
    return None if answer.status in (503, 504) else answer


class Bank:
    def __init__(self, apis, groups, seed):
        self.apis, self.seed = apis, seed
        self.groups = [f"bank{n}" for n in range(groups)]
        self.numbers = itertools.count()
        self.never = threading.Event()
        self.transfers = {}  # key -> Transfer, from before it is sent
        self.faults = []  # answers that are not of one moment
        self.tiers = collections.Counter()

    def open(self):
        for group in self.groups:
            made = [
                {"op": "create", "collection": "accounts", "key": f"{group}:{name}",
                 "document": {"balance": BALANCE}}
                for name in ACCOUNTS
            ]  # fmt: skip
            answer = self.send(self.apis[0], made, {})
            assert answer and answer.status == 200, answer

    @staticmethod
    def send(api, operations, more):
        body = json.dumps(operations).encode()
        return answered(api, "POST", "/v1/_batch", body, {**WAIT, **more})

    # --- reading ----------------------------------------------------------------

    @staticmethod
    def documents(answer):
        """Collection -> key -> (version, document)."""
        return {
            name: {d["key"]: (d["version"], d["document"]) for d in some}
            for name, some in answer.json()["collections"].items()
        }

    def read(self, api, group, **more):
        """The documents of the group, which are checked; None: no answer."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        answer = answered(api, "GET", f"/v1/_group/{group}", headers=headers)
        if answer is None:
            return None
        assert answer.status == 200, answer
        documents = self.documents(answer)
        self.tiers[answer.tier] += 1
        self.check(group, documents, f"{api.name} {answer.cache}")
        return documents

    def check(self, group, documents, where):
        want = {f"{group}:{name}": BALANCE for name in ACCOUNTS}
        for key in documents["transfers"]:
            t = self.transfers[key]
            want[f"{group}:{t.source}"] -= t.amount
            want[f"{group}:{t.target}"] += t.amount
        got = {k: d["balance"] for k, (_, d) in documents["accounts"].items()}
        if got != want or sum(got.values()) != BALANCE * len(ACCOUNTS):
            self.faults.append((where, group, sum(got.values()), got, want))

    def pause(self, rng):
        self.never.wait(rng.uniform(0, PAUSE_S))

    def reader(self, number):
        """A loop for Background."""
        rng = random.Random(f"{self.seed} reader {number}")

        def step():
            self.pause(rng)
            fresh = {"Cache_Control": "no-cache"} if rng.random() < 0.3 else {}
            self.read(rng.choice(self.apis), rng.choice(self.groups), **fresh)

        return step

    # --- transferring -----------------------------------------------------------

    def client(self, number):
        """A loop for Background: a transfer, sent again until it is decided."""
        rng = random.Random(f"{self.seed} client {number}")

        def step():
            self.pause(rng)
            self.transfer(rng)

        return step

    def begin(self, rng):
        source, target = rng.sample(ACCOUNTS, 2)
        amount = rng.choice([1, 5, 40, 90])
        group = rng.choice(self.groups)
        t = Transfer(next(self.numbers), group, source, target, amount)
        self.transfers[t.key] = t
        return t

    def transfer(self, rng, tries=8):
        t, changes = self.begin(rng), None
        if rng.random() < 0.4:
            documents = self.read(rng.choice(self.apis), t.group)
            enough = documents and documents["accounts"][f"{t.group}:{t.source}"]
            if enough and enough[1]["balance"] >= t.amount:
                changes = t.puts(documents)
        t.operations = [*(changes or t.increments()), t.noted()]
        rng.shuffle(t.operations)
        for _ in range(tries):
            if self.ask(t, rng.choice(self.apis)):
                break
            self.pause(rng)
        return t

    def ask(self, t, api):
        """True: it is decided, and what is told is what was told before."""
        answer = self.send(api, t.operations, {"Idempotency-Key": t.key})
        if answer is None or answer.status == 202:
            return False
        assert answer.status in DECIDED, answer
        told = (answer.status, answer.position)
        assert t.status is None or told == (t.status, t.position), (t.key, answer)
        t.status, t.position = told
        t.replayed = answer.header("Idempotency-Replayed") == "true"
        return True

    # --- at the end -------------------------------------------------------------

    def rows(self, deployment):
        """Group -> collection -> key -> (version, document), as the database has it."""
        found = {g: {"accounts": {}, "transfers": {}} for g in self.groups}
        for name, column in (("accounts", "balance"), ("transfers", "amount")):
            for key, value, version in deployment.sql(
                f"SELECT key, {column}, version FROM {name}"
            ):
                found[key.split(":")[0]][name][key] = (str(version), {column: value})
        return found

    def settled(self, deployment):
        """Rows, outcomes and what both instances answer agree."""
        rows = self.rows(deployment)
        for group, documents in rows.items():
            self.check(group, documents, "the database")
        made = {key for d in rows.values() for key in d["transfers"]}
        for t in self.transfers.values():
            assert t.status is None or (t.status == 200) == (t.key in made), vars(t)
        in_threads(8, [t for t in self.transfers.values() if t.status], self.told)
        ends = enumerate(deployment.ends())
        after = ", ".join(f"{p}-{end - 1}" for p, end in ends if end)
        for api in self.apis:
            for group in self.groups:
                for how in ({"Sluice_Read_After": after}, {}, {"Cache_Control": "no-cache"}):
                    got = self.read(api, group, **how)
                    assert versions(got) == versions(rows[group]), (api.name, group)
        assert self.faults == [], self.faults[:3]

    def told(self, t):
        """The state of a write is what its client was told; one of the APIs says so."""
        api = self.apis[t.number % len(self.apis)]
        state = history.decided(api.http, t.position)
        if t.status == 200:
            assert state["state"] == "committed", (vars(t), state)
        else:
            told = (state["state"], state["status"])
            assert told == ("rejected", t.status), (vars(t), state)

    def summary(self):
        statuses = collections.Counter(t.status for t in self.transfers.values())
        return f"transfers {dict(statuses)}, reads {dict(self.tiers)}"


def versions(documents):
    return {
        (name, key): version
        for name, some in documents.items()
        for key, (version, _) in some.items()
    }
