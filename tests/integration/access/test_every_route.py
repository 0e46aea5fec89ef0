"""Every route, for every kind of caller.

The routes are those of /openapi.json. The expected answers are made from the
declarations (collections/) and the defaults of the settings access.*, by the
rules of docs/access.md. What must be refused is asked for first: none of it may
reach the log of writes.
"""

import http.client
import itertools
import json

import pytest
from harness.callers import COLLECTIONS, TENANTS, Guarded

DECLARED = {
    path.stem: json.loads(path.read_text()) for path in COLLECTIONS.glob("*.json")
}
ROLES = {
    "none": set(),
    "reader": {"reader"},
    "editor": {"editor"},
    "ann": {"customer"},
    "ben": {"customer"},
    "operator": {"operator"},
}
INVALID = ("bad", "unknown_key", "expired", "audience")
CALLERS = [*ROLES, *INVALID]
SERVICE = {
    "page": "anonymous",
    "docs": "authenticated",
    "health": "anonymous",
    "stats": "operator",
    "purge": "operator",
    "inspect": "operator",
    "operate": "operator",
}
WRITING = ("create", "update", "delete", "bulk")

# What each route lets its caller do. {c} is any collection.
SERVED = {
    ("get", "/v1"): "docs",
    ("get", "/openapi.json"): "docs",
    ("get", "/"): "page",
    ("get", "/assets/{key}/{key}"): "page",
    ("get", "/docs"): "page",
    ("get", "/health"): "health",
    ("get", "/stats"): "stats",
    ("get", "/stats/history"): "stats",
    ("get", "/cache-stats"): "stats",
    ("get", "/cache/stats"): "stats",
    ("get", "/cache/performance"): "stats",
    ("get", "/inspect/{key}/{key}"): "inspect",
    ("get", "/rejections"): "operate",
    ("post", "/rejections/{key}/requeue"): "operate",
    ("delete", "/rejections/{key}"): "operate",
    ("delete", "/cache"): "purge",
    ("delete", "/cache/{key}"): "purge",
    ("delete", "/cache/{key}/{key}"): "purge",
    ("post", "/cache/clear"): "purge",
    ("post", "/clear-cache"): "purge",
}
STATUS = ("get", "/v1/_writes/{key}")
BATCH = ("post", "/v1/_batch")
GROUP = ("get", "/v1/_group/{key}")
DOCUMENT = "application/json"
LINES = "application/x-ndjson"
PATCH = "application/merge-patch+json"


class Way:
    """A way to use a route: the verbs that it needs, and its request."""

    def __init__(self, name, verbs, row=False, many=None, media=None, whole=False, **headers):
        self.name, self.verbs, self.row = name, verbs.split(), row
        self.whole = whole  # it has the documents of all owners, or is refused
        self.many, self.media = many, media
        self.headers = {k.replace("_", "-"): v for k, v in headers.items()}


LISTS = [Way("page", "list"), Way("export", "export", Accept=LINES)]
ROWS = [Way("page", "list"), Way("export", "export", whole=True, Accept=LINES)]
CREATES = [
    Way("one", "create", media=DOCUMENT),
    Way("array", "create bulk", media=DOCUMENT, many="array"),
    Way("lines", "bulk", media=LINES, many="lines"),
]
OPERATIONS = [Way("operations", "bulk", media=LINES, many="operations")]
PUTS = [
    Way("always", "create update", row=True, media=DOCUMENT),
    Way("if it is there", "update", row=True, media=DOCUMENT, If_Match="*"),
    Way("if it is not", "create", media=DOCUMENT, If_None_Match="*"),
]
READS = [Way("one", "read", row=True)]
CHANGES = [Way("patch", "update", row=True, media=PATCH)]
DELETES = [Way("one", "delete", row=True)]
WAYS = {
    ("get", "/v1/{c}"): LISTS,
    ("post", "/v1/{c}"): CREATES,
    ("post", "/v1/{c}/_bulk"): OPERATIONS,
    ("get", "/v1/{c}/{key}"): READS,
    ("put", "/v1/{c}/{key}"): PUTS,
    ("patch", "/v1/{c}/{key}"): CHANGES,
    ("delete", "/v1/{c}/{key}"): DELETES,
    ("post", "/v1/{c}/{key}/_touch"): [Way("touch", "operate")],
    ("get", "/v1/{c}/_count"): [Way("number", "list")],
    ("get", "/v1/{c}/_export"): [Way("export", "export")],
    ("get", "/v1/{c}/_changes"): [Way("feed", "changes")],
    ("get", "/{c}"): ROWS,
    ("post", "/{c}"): [Way("one", "create", media=DOCUMENT)],
    ("get", "/{c}/{key}"): READS,
    ("put", "/{c}/{key}"): [Way("row", "update", row=True, media=DOCUMENT)],
    ("delete", "/{c}/{key}"): DELETES,
}
# The routes of one collection that their paths do not name.
OF = {
    GROUP: ("orders", [Way("group", "read")]),
}
RECORDS = {
    # Its answer is 200 for what is not there, too.
    ("get", "/read/{key}"): [Way("text", "read", row=True)],
    ("post", "/write"): [Way("row", "create update", media="write")],
}


def rights(name, verb, caller):
    """none, own or all: as docs/access.md says it."""
    declared = DECLARED[name]
    if verb in SERVICE:
        return "all" if SERVICE[verb] in ROLES[caller] else "none"
    roles = ROLES[caller] | {"anonymous"}
    roles |= set() if caller == "none" else {"authenticated"}
    granted = {r for r, verbs in declared.get("access", {}).items() if verb in verbs}
    granted &= roles
    if not granted:
        return "none"
    owner = declared.get("owner", {"for": []})
    if granted - set(owner["for"]):
        return "all"
    return "own"


class Asked:
    """One request of one caller, and the statuses that it may be answered with."""

    def __init__(self, method, path, caller, expected, **request):
        self.method, self.path, self.caller = method.upper(), path, caller
        self.expected = expected
        self.request = request
        self.name = request.pop("name")

    @property
    def refused(self):
        return self.expected in (401, 403)

    def __repr__(self):
        return f"{self.caller}: {self.method} {self.path} ({self.name})"


def refusal(caller):
    return 401 if caller == "none" or caller in INVALID else 403


class Table:
    def __init__(self, guarded, document):
        self.guarded = guarded
        self.numbers = itertools.count(1)
        self.operations = self.take(document["paths"])
        self.rows = []  # to be made before

    def take(self, paths):
        """(method, route, collection) of the description, in our terms."""
        found = set()
        for path, item in paths.items():
            parts = path.split("/")
            parts = ["{key}" if p.startswith("{") else p for p in parts]
            at = 2 if parts[1] == "v1" and len(parts) > 2 else 1
            name = parts[at] if parts[at] in DECLARED else None
            parts[at] = "{c}" if name else parts[at]
            for method in item.keys() & {"get", "put", "post", "patch", "delete"}:
                found.add((method, "/".join(parts), name))
        return sorted(found, key=str)

    # --- what is asked ----------------------------------------------------------

    def everything(self):
        for method, route, name in self.operations:
            if name is None and (method, route) in RECORDS:
                ways, name = RECORDS[method, route], "records"
            elif (method, route) in OF:
                name, ways = OF[method, route]
            elif name is None and (method, route) == STATUS:
                yield from self.statuses()
                continue
            elif (method, route) == BATCH:
                yield from self.batches()
                continue
            elif name is None:
                # A route that is not in the table fails here.
                yield from self.of_service(method, route, SERVED[method, route])
                continue
            else:
                ways = WAYS[method, route]
            for way, caller in itertools.product(ways, CALLERS):
                yield self.of_collection(method, route, name, way, caller)

    def of_service(self, method, path, verb):
        allowed = SERVICE[verb]
        for caller in CALLERS:
            may = caller not in INVALID and (
                allowed == "anonymous"
                or (allowed == "authenticated" and caller != "none")
                or allowed in ROLES[caller]
            )
            # No file of a page and no collection has the name {key}.
            expected = (200, 404) if "{" in path else (200,)
            # No writer is named.
            expected = (404,) if "rejections" in path else expected
            expected = expected if may else refusal(caller)
            yield Asked(method, path, caller, expected, name=verb, headers={})

    def statuses(self):
        """Of a write of ann."""
        writers = {
            caller
            for caller, name, verb in itertools.product(ROLES, DECLARED, WRITING)
            if rights(name, verb, caller) != "none"
        }
        for caller in CALLERS:
            expected = refusal(caller)
            if caller in ("operator", "ann"):
                expected = (200,)
            elif caller in writers:
                expected = (404,)
            place = self.guarded.place
            yield Asked("get", place, caller, expected, name="status", headers={})

    def batches(self):
        """Of two operations; the caller may need another right for the second."""
        verbs = {"create": "create", "patch": "update", "delete": "delete"}
        for kind, caller in itertools.product(verbs, CALLERS):
            row = {"collection": "orders", "key": f"g:{next(self.numbers)}"}
            second = {"collection": "orders", "key": f"g:{next(self.numbers)}"}
            document = self.document("orders", caller)
            operations = [{"op": "create", "document": document, **row}]
            operations.append({"op": kind, **second})
            if kind != "delete":
                operations[1]["document"] = document
            expected = self.expect("orders", Way(kind, f"create {verbs[kind]}"), caller)
            if not isinstance(expected, int):  # there is nothing to change
                expected = (200,) if kind == "create" else (404,)
            headers = {"Content-Type": DOCUMENT, "Prefer": "wait=30"}
            body = json.dumps(operations).encode()
            yield Asked(
                *BATCH, caller, expected, name="batch", headers=headers, body=body
            )

    def key(self, name):
        n, key = next(self.numbers), DECLARED[name]["key"]
        if isinstance(key, list):
            return f"d{n},{n}"
        return f"k{n}" if key["type"] == "string" else str(10**6 + n)

    def document(self, name, caller):
        """A document that the caller may write: of an owner, his own."""
        declared = DECLARED[name]
        field = declared.get("owner", {}).get("field")
        values = {"string": "x", "number": 1.5, "integer": 1}
        document = {
            f: values[declared["fields"][f]["type"]]
            for f in declared["required"]
            if f != field
        }
        if field and caller not in ("ann", "ben"):
            document[field] = self.owner(name)
        return document

    @staticmethod
    def owner(name):
        claim = DECLARED[name]["owner"].get("claim", "sub")
        return TENANTS["ann"] if claim == "tenant" else "ann"

    def of_collection(self, method, route, name, way, caller):
        key = self.key(name)
        expected = self.expect(name, way, caller)
        if way.row and not isinstance(expected, int):
            self.rows.append((name, key))
        path = route.replace("{c}", name).replace("{key}", key)
        headers, body = dict(way.headers), None
        if way.media:
            body = self.body(method, name, way, caller)
            headers["Content-Type"] = DOCUMENT if way.media == "write" else way.media
        if method != "get":
            headers["Prefer"] = "wait=30"
        return Asked(
            method, path, caller, expected, name=way.name, headers=headers, body=body
        )

    def body(self, method, name, way, caller):
        document = self.document(name, caller)
        if way.media == "write":
            document = {"key": self.key(name), "value": "x"}
        if way.media == PATCH:
            document = dict([next(iter(document.items()))])
        elif isinstance(DECLARED[name]["key"], list) and method == "post":
            document.update(depot="d", n=next(self.numbers))
        if way.many == "operations":
            document = {"op": "create", "document": document}
        text = json.dumps(document)
        return (f"[{text}]" if way.many == "array" else text).encode()

    def expect(self, name, way, caller):
        if caller in INVALID:
            return 401
        has = {rights(name, verb, caller) for verb in way.verbs}
        # That it is a bulk shows only when the body comes.
        if "none" in has or (way.whole and "own" in has):
            return refusal(caller)
        if way.media == "write" and "own" in has:
            return 403  # its body has no place for an owner
        if "own" in has and way.row and way.name != "text" and caller == "ben":
            # What is ann's is not there, or is not as the condition says.
            return (412,) if way.headers.get("If-Match") else (404,)
        return (200, 201, 204)


# --- the test --------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(servers, module_deploy):
    made = Guarded(module_deploy(servers, collections=COLLECTIONS))
    body = json.dumps({"text": "first"}).encode()
    headers = {"Content-Type": DOCUMENT, "Prefer": "wait=30"}
    first = made.as_("ann").request("PUT", "/v1/notes/first", body, headers)
    made.place = f"/v1/_writes/{first.position}"
    return made


@pytest.fixture(scope="module")
def world(guarded):
    return guarded.world


@pytest.fixture(scope="module")
def table(guarded):
    answer = guarded.as_("editor").request("GET", "/openapi.json")
    return Table(guarded, answer.json())


def head_of(guarded, asked):
    """The head of an answer, of which the body may never end."""
    connection = http.client.HTTPConnection("127.0.0.1", guarded.api.http.port, timeout=30)
    headers = {**guarded.callers.headers[asked.caller], **asked.request["headers"]}
    connection.request(asked.method, asked.path, headers=headers)
    answer = connection.getresponse()
    connection.close()
    return answer


def ask(guarded, asked):
    if asked.path.endswith("_changes") and not asked.refused:
        return head_of(guarded, asked)
    client = guarded.clients[asked.caller]
    return client.request(asked.method, asked.path, **asked.request)


def challenge(caller):
    if caller == "none":
        return 'Bearer realm="sluice"'
    error = "invalid_token" if caller in INVALID else "insufficient_scope"
    return f'Bearer realm="sluice", error="{error}"'


def fault_of_refusal(guarded, asked, answer):
    """None: it is as docs/access.md says."""
    if answer.status != asked.expected:
        return f"{asked}: {answer.status}, not {asked.expected}"
    kind = "unauthenticated" if answer.status == 401 else "forbidden"
    if asked.method != "HEAD" and answer.problem != kind:
        return f"{asked}: {answer}"
    told = answer.header("WWW-Authenticate") or ""
    decided_late = asked.name in ("array", "row") and answer.status == 403
    if not told.startswith(challenge(asked.caller)) and not decided_late:
        return f"{asked}: {told}"
    for credential in guarded.callers.headers[asked.caller].values():
        if credential.split()[-1].encode() in answer.body:
            return f"{asked}: the answer has the credential"
    return None


def with_heads(asked):
    """Each GET as HEAD, too: but a stream's."""
    for each in asked:
        yield each
        if each.method == "GET" and not each.path.endswith("_changes"):
            yield Asked(
                "HEAD", each.path, each.caller, each.expected, name=each.name, **each.request
            )


def make_rows(guarded, rows, table):
    """Rows of ann, made by the editor, all of them in the log before the last one is
    waited for."""
    editor = guarded.clients["editor"]
    for name, key in rows:
        method, path = "PUT", f"/v1/{name}/{key}"
        body = json.dumps({**table.document(name, "editor"), **owner_of(name)}).encode()
        headers = {"Content-Type": DOCUMENT, "Prefer": "wait=30"}
        answer = editor.request(method, path, body, headers)
        if answer.status != 201:  # the editor may not: by hand
            raise AssertionError((name, key, answer))


def owner_of(name):
    if "owner" not in DECLARED[name]:
        return {}
    return {DECLARED[name]["owner"]["field"]: Table.owner(name)}


def is_private(asked, answer):
    """No cache between may give it to somebody else."""
    if not asked.path.startswith("/v1/"):
        return True
    kept, vary = (answer.headers.get_all(name) or [] for name in ("Cache-Control", "Vary"))
    return "no-store" in kept or ("private" in kept and "Authorization" in ", ".join(vary))


def test_every_route_for_every_caller(guarded, table):
    guarded.clients = {name: guarded.as_(name) for name in CALLERS}
    asked = list(with_heads(table.everything()))
    refused = [a for a in asked if a.refused]
    allowed = [a for a in asked if not a.refused]
    assert len(refused) > 700 and len(allowed) > 150, (len(refused), len(allowed))

    ends = guarded.world.ends()
    faults = [fault_of_refusal(guarded, a, ask(guarded, a)) for a in refused]
    assert [f for f in faults if f] == []
    assert guarded.world.ends() == ends, "a refused write is in the log"

    make_rows(guarded, table.rows, table)
    wrong = []
    for each in allowed:
        answer = ask(guarded, each)
        if answer.status not in each.expected or not is_private(each, answer):
            wrong.append((each, each.expected, answer))
    assert wrong == []
    # Who acted, and by which key. (Of refusals, there is a line a second.)
    acted = 'ev=audit.acted subject="key:operator" kind=key key="operator" '
    assert acted in guarded.api.text()


def test_the_table_has_no_route_that_is_gone(table):
    described = {(method, route) for method, route, _ in table.operations}
    ours = {*SERVED, *WAYS, *RECORDS, *OF, STATUS, BATCH}
    assert ours - described == set()


def test_a_bulk_is_refused_item_by_item_where_it_is_not_his(guarded):
    ann = guarded.as_("ann")
    ends = guarded.world.ends()
    body = b'{"text":"x","owner":"ben"}\n' * 3
    answer = ann.request("POST", "/v1/notes", body, {"Content-Type": LINES})
    assert [json.loads(r)["status"] for r in answer.body.splitlines()] == [403] * 3
    assert guarded.world.ends() == ends


def test_an_operation_of_a_bulk_needs_its_own_right(guarded):
    ann, ben, editor = (guarded.as_(name) for name in ("ann", "ben", "editor"))
    headers = {"Content-Type": LINES, "Prefer": "wait=30"}

    def send(client, *operations):
        body = "".join(
            json.dumps({"op": op, "key": key, **({"document": d} if d else {})}) + "\n"
            for op, key, d in operations
        )
        answer = client.request("POST", "/v1/notes/_bulk", body.encode(), headers)
        assert answer.status == 200, answer
        return [json.loads(r)["status"] for r in answer.body.splitlines()]

    text = {"text": "x"}
    assert send(ann, ("create", "bulk:1", text), ("put", "bulk:2", text)) == [201, 201]
    # To ben, what is ann's is not there.
    theirs = ("patch", "bulk:1", text), ("delete", "bulk:2", None), ("put", "bulk:1", text)
    assert send(ben, *theirs) == [404, 404, 404]
    assert send(ann, ("put", "bulk:1", {"text": "y", "owner": "ben"})) == [403]
    assert send(ann, ("patch", "bulk:1", {"owner": "ben"})) == [403]
    # Nor does on_conflict change or show it.
    for conflict, status in (("replace", 404), ("skip", 200), ("fail", 409)):
        path, body = f"/v1/notes?on_conflict={conflict}", b'{"key":"bulk:1","text":"z"}\n'
        (told,) = ben.request("POST", path, body, headers).body.splitlines()
        assert json.loads(told)["status"] == status, told
    assert ann.request("GET", "/v1/notes/bulk:1").json()["text"] == "x"
    assert send(editor, *theirs[:2]) == [200, 200]


def test_options_need_no_credential(guarded):
    for name in ("none", "bad", "reader"):
        answer = guarded.as_(name).request("OPTIONS", "/v1/notes/first")
        assert (answer.status, answer.body) == (204, b"")
        assert "PATCH" in answer.header("Allow")


def test_collections_that_are_not_there(guarded):
    for method, path in (("GET", "/v1/nothing"), ("DELETE", "/v1/nothing/x")):
        assert guarded.as_("none").request(method, path).status == 401
        answer = guarded.as_("reader").request(method, path)
        assert answer.problem == "collection-not-found"


def batch(client, *operations):
    """(op, key, document): all of them on orders."""
    body = [
        {"op": op, "collection": "orders", "key": key, "document": document}
        for op, key, document in operations
    ]
    headers = {"Content-Type": DOCUMENT, "Prefer": "wait=30"}
    return client.request("POST", "/v1/_batch", json.dumps(body).encode(), headers)


def test_a_batch_changes_own_documents_only(guarded):
    ann, ben, editor = (guarded.as_(name) for name in ("ann", "ben", "editor"))
    mine = batch(ann, ("create", "b:1", {"text": "x"}), ("create", "b:2", {"text": "x"}))
    assert mine.status == 200, mine
    row = ann.request("GET", "/v1/orders/b:1").json()
    assert row["owner"] == "ann"
    # What is ann's is absent to ben, and so nothing of his batch takes effect.
    his = batch(ben, ("create", "b:3", {"text": "x"}), ("patch", "b:1", {"text": "y"}))
    assert (his.status, his.json()["index"]) == (404, 1), his
    assert ben.request("GET", "/v1/orders/b:3").status == 404
    foreign = {"text": "x", "owner": "ann"}
    ends = guarded.world.ends()
    assert batch(ben, ("create", "b:4", foreign)).problem == "forbidden"
    assert guarded.world.ends() == ends
    both = batch(editor, ("patch", "b:1", {"n": 1}), ("create", "b:4", foreign))
    assert both.status == 200, both
    assert ann.request("GET", "/v1/orders/b:1").json()["n"] == 1


def make(client, path):
    headers = {"Content-Type": DOCUMENT, "Prefer": "wait=30"}
    assert client.request("PUT", path, b'{"text":"counted"}', headers).status == 201


def test_a_group_has_own_documents_only(guarded):
    ann, ben, reader, editor = (guarded.as_(n) for n in ("ann", "ben", "reader", "editor"))
    assert batch(ann, ("create", "o:1", {"text": "x"})).status == 200
    assert batch(ben, ("create", "o:2", {"text": "y"})).status == 200

    def found(client, query="?collections=orders"):
        answer = client.request("GET", f"/v1/_group/o{query}")
        return [d["key"] for d in answer.json()["collections"]["orders"]]

    for query in ("", "?collections=orders"):
        assert found(ann, query) == ["o:1"] and found(ben, query) == ["o:2"]
        assert found(reader, query) == found(editor, query) == ["o:1", "o:2"]
    # What is kept for one of them is not for the others.
    for client, keys in ((ann, ["o:1"]), (ben, ["o:2"]), (ann, ["o:1"])):
        assert found(client) == keys
    # The tags of ann are those of other answers.
    make(ann, "/v1/notes/counted")
    for path in ("/v1/_group/o", "/v1/notes/_count?text=eq.counted"):
        tag = ann.request("GET", path).header("ETag")
        assert ann.request("GET", path, headers={"If-None-Match": tag}).status == 304
        assert ben.request("GET", path, headers={"If-None-Match": tag}).status == 200
        assert ben.request("GET", path, headers={"If-Match": tag}).status == 412
    # A collection of which the caller may read nothing, and one that is not there.
    for path in ("notes", "orders,sealed", "nothing"):
        none = guarded.as_("none").request("GET", f"/v1/_group/o?collections={path}")
        assert none.status == 401, none
