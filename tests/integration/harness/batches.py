"""Random atomic batches, and what becomes of them: a model that applies the log one
record after the other (no I/O).

A batch is of one group, and of both collections with groups. Many of them must fail:
for a row that is there, or is not, for a version, or because a balance would be
negative. The model knows each state that a group has had, so it knows each answer that
a reader of the whole group may have got."""

import collections

VALUE = {"accounts": "balance", "transfers": "amount"}
NAMES = {"accounts": "abcd", "transfers": "123"}
GONE = None


def draw(rng, group, versions):
    """Up to four operations; `versions`: some that a condition may name."""
    rows = [(c, f"{group}:{name}") for c, names in NAMES.items() for name in names]
    return [one(rng, *row, versions) for row in rng.sample(rows, rng.randint(1, 4))]


def one(rng, collection, key, versions):
    kind = rng.choices(["put", "increment", "patch", "create", "delete"], [10, 3, 2, 1, 1])[0]
    op = {"op": kind, "collection": collection, "key": key}
    if kind == "increment":
        op["document"] = {VALUE[collection]: rng.choice([1, 5, -1, -3])}
    elif kind != "delete":
        op["document"] = {VALUE[collection]: rng.randrange(10)}
    if kind != "create" and rng.random() < 0.08:
        version = rng.choice(versions) if versions else 7
        op["if_match"] = rng.choice(["*", f'"{version}"'])
    elif kind == "put" and rng.random() < 0.05:
        op["if_none_match"] = "*"
    return op


def decide(op, row):
    """(reason, value): of one operation, on the (version, value) of its row or None."""
    match = op.get("if_match", "*" if row else None)
    if op["op"] == "create" and row:
        return "key-exists", None
    if (op.get("if_none_match") and row) or ("if_match" in op and not row):
        return "precondition-failed", None
    if match not in (None, "*", f'"{row[0]}"' if row else None):
        return "precondition-failed", None
    if op["op"] == "delete":
        return (None, GONE) if row else ("not-found", None)
    value = op["document"][VALUE[op["collection"]]]
    if op["op"] in ("put", "create"):
        return None, value
    if not row:
        return "not-found", None
    value += row[1] if op["op"] == "increment" else 0
    bad = op["collection"] == "accounts" and value < 0
    return ("constraint-violation" if bad else None), value


class Model:
    def __init__(self):
        self.rows = {}  # (collection, key) -> (version, value)
        self.changes = collections.defaultdict(dict)  # (collection, key) -> version -> value
        self.states = collections.defaultdict(lambda: {frozenset()})  # of each group
        self.first = {}  # Idempotency-Key -> its place
        self.outcomes = {}  # place -> what GET /v1/_writes answers

    def apply(self, place, group, operations, idempotency):
        told = {"position": "%d-%d" % place, "state": "committed"}
        if idempotency in self.first:
            first = self.outcomes[self.first[idempotency]]
            self.outcomes[place] = {**first, **told, "state": first["state"]}
            self.outcomes[place]["first"] = first["position"]
            return
        self.first[idempotency] = place
        decided = [(op, *decide(op, self.row(op))) for op in operations]
        faults = [(i, reason) for i, (_, reason, _) in enumerate(decided) if reason]
        if faults:
            told |= {"state": "rejected", "index": faults[0][0], "reason": faults[0][1]}
        else:
            for op, _, value in decided:
                self.change(op, place[1], value)
            self.states[group].add(self.state(group))
        self.outcomes[place] = told

    def row(self, op):
        return self.rows.get((op["collection"], op["key"]))

    def change(self, op, version, value):
        at = (op["collection"], op["key"])
        self.changes[at][version] = value
        self.rows.pop(at, None)
        if value is not GONE:
            self.rows[at] = (version, value)

    def state(self, group):
        return frozenset(
            (c, key, version, value)
            for (c, key), (version, value) in self.rows.items()
            if key.split(":")[0] == group
        )


def state_of(body):
    """The same, as GET /v1/_group answers it."""
    return frozenset(
        (c, d["key"], int(d["version"]), d["document"][VALUE[c]])
        for c, documents in body["collections"].items()
        for d in documents
    )
