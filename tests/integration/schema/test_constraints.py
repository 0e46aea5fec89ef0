"""`unique` and `references`: what --migrate makes of them, and what clients see."""

import json
import threading

import pytest
from harness import cli
from harness.wait import wait_until

WAIT = {"Prefer": "wait=10", "Content-Type": "application/json"}
SENT = {"Content-Type": "application/json"}
REJECTED = "sluice_writer_writes_total", 'result="rejected"'
NAME = {"type": "string", "maxLength": 60, "nullable": True}

CUSTOMERS = {
    "name": "customers",
    "key": {"type": "string"},
    "fields": {
        "email": NAME,
        "country": NAME,
        "number": {"type": "integer", "nullable": True},
    },
    "unique": [["email"], ["country", "number"]],
}
ORDERS = {
    "name": "orders",
    "key": {"type": "string"},
    "fields": {"customer": NAME, "follows": NAME},
    "references": {"customer": "customers", "follows": "orders"},
    "list": {"filter": ["customer"]},
}


@pytest.fixture
def shop(deployment, tmp_path):
    """Declares both collections, or others in their place."""
    deployment.collections = tmp_path

    def declare(*declarations):
        for d in declarations or (CUSTOMERS, ORDERS):
            (tmp_path / f"{d['name']}.json").write_text(json.dumps(d))

    declare()
    return declare


def constraints(deployment):
    return [
        f"{name}: {definition}"
        for name, definition in deployment.sql(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype IN ('u', 'f') AND connamespace = 'public'::regnamespace"
            " AND conrelid::regclass::text IN ('customers', 'orders') ORDER BY 1"
        )
    ]


MADE = [
    "customers_country_number_unique: UNIQUE (country, number)",
    "customers_email_unique: UNIQUE (email)",
    "orders_customer_references: FOREIGN KEY (customer) REFERENCES customers(key)",
    "orders_follows_references: FOREIGN KEY (follows) REFERENCES orders(key)",
]


# --- --migrate -------------------------------------------------------------------------


def test_made_once(deployment, shop):
    said = deployment.migrate("--dry-run").stdout
    assert 'ADD CONSTRAINT "customers_email_unique" UNIQUE ("email")' in said
    assert 'ADD CONSTRAINT "orders_customer_references" FOREIGN KEY' in said
    assert constraints(deployment) == []
    deployment.migrate()
    assert constraints(deployment) == MADE
    indexes = {
        name
        for (name,) in deployment.sql(
            "SELECT indexname::text FROM pg_indexes WHERE tablename = 'orders'"
        )
    }
    assert indexes == {"orders_pkey", "orders_customer_list", "orders_follows_ref"}
    assert "CONSTRAINT" not in deployment.migrate().stdout
    assert constraints(deployment) == MADE


def test_added_to_rows_that_violate_them(deployment, shop):
    plain = [
        {k: d[k] for k in d if k not in ("unique", "references")}
        for d in (CUSTOMERS, ORDERS)
    ]
    shop(*plain)
    deployment.migrate()
    times = "created_at, updated_at, version) VALUES"
    deployment.sql(
        f"INSERT INTO customers (key, email, {times} ('a', 'x', now(), now(), 0), ('b', 'x', now(), now(), 0)"
    )
    deployment.sql(
        f"INSERT INTO orders (key, customer, {times} ('o', 'nobody', now(), now(), 0)"
    )
    shop()
    said = deployment.migrate().stdout
    assert (
        "left to you: customers: existing rows violate customers_email_unique" in said
    )
    assert (
        "left to you: orders: existing rows violate orders_customer_references" in said
    )
    assert constraints(deployment) == [MADE[0], MADE[2] + " NOT VALID", MADE[3]]
    deployment.sql("UPDATE customers SET email = key")
    deployment.migrate()
    assert constraints(deployment)[1] == MADE[1]


def test_made_by_hand_is_enough(deployment, shop):
    plain = [
        {k: d[k] for k in d if k not in ("unique", "references")}
        for d in (CUSTOMERS, ORDERS)
    ]
    shop(*plain)
    deployment.migrate()
    deployment.sql("ALTER TABLE customers ADD CONSTRAINT mine UNIQUE (number, country) INCLUDE (email)")
    deployment.sql("CREATE UNIQUE INDEX part ON customers (email) WHERE email <> ''")
    deployment.sql(
        "ALTER TABLE orders ADD CONSTRAINT its FOREIGN KEY (customer) REFERENCES customers"
    )
    shop()
    deployment.migrate()
    assert [c.split(":")[0] for c in constraints(deployment)] == [
        "customers_email_unique",
        "its",
        "mine",
        "orders_follows_references",
    ]


@pytest.mark.parametrize(
    "change, reason",
    [
        (
            {"customer": "nobody"},
            "orders: /references/customer: there is no collection nobody",
        ),
        (
            {"customer": "products"},
            "/references/customer: the field is text, and the key of products is bigint",
        ),
    ],
)
def test_a_reference_that_leads_nowhere(deployment, shop, change, reason):
    products = {
        "name": "products",
        "key": {"type": "integer"},
        "fields": {"name": NAME},
    }
    shop(products, {**ORDERS, "references": change})
    done = cli.run(
        deployment.servers,
        "writer",
        "--check-config",
        f"--collections.dir={deployment.collections}",
    )
    assert done.returncode == 2 and reason in done.stderr, done.stderr


# --- what clients see ------------------------------------------------------------------


@pytest.fixture
def http(deployment, shop):
    deployment.migrate()
    return deployment.start_all().http


def put(http, collection, key, document, headers=WAIT):
    body = json.dumps(document).encode()
    return http.request("PUT", f"/v1/{collection}/{key}", body, headers)


def violates(answer, constraint):
    assert (answer.status, answer.problem) == (409, "constraint-violation"), answer
    assert answer.json()["constraint"] == constraint


def test_unique(deployment, http):
    assert (
        put(
            http, "customers", "a", {"email": "a@x", "country": "no", "number": 1}
        ).status
        == 201
    )
    violates(put(http, "customers", "b", {"email": "a@x"}), "customers_email_unique")
    assert http.request("GET", "/v1/customers/b").status == 404
    violates(
        put(http, "customers", "b", {"country": "no", "number": 1}),
        "customers_country_number_unique",
    )
    # Null is not equal to null.
    assert put(http, "customers", "b", {"country": "no"}).status == 201
    assert put(http, "customers", "c", {"country": "no"}).status == 201
    # The value is free as soon as its document has another one, or is gone.
    assert put(http, "customers", "a", {"email": "other"}).status == 200
    assert put(http, "customers", "b", {"email": "a@x"}).status == 200
    assert http.request("DELETE", "/v1/customers/b", headers=WAIT).status == 204
    assert put(http, "customers", "c", {"email": "a@x"}).status == 200


def test_of_many_that_want_it_one_has_it(deployment, http):
    answers = []

    def want(i):
        answers.append(put(http, "customers", f"racer-{i}", {"email": "one@x"}))

    racers = [threading.Thread(target=want, args=(i,)) for i in range(16)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(a.status for a in answers) == [201] + [409] * 15
    rows = deployment.sql("SELECT key FROM customers WHERE email = 'one@x'")
    (won,) = [a for a in answers if a.status == 201]
    assert [won.json()["key"]] == [key for (key,) in rows]


def test_children_behind_their_parents(deployment, http):
    """Parents and children lie in different partitions, and nobody waits."""
    n = 200
    for i in range(n):
        assert put(http, "customers", f"p{i}", {}, SENT).status == 202
        assert put(http, "orders", f"c{i}", {"customer": f"p{i}"}, SENT).status == 202
    wait_until(
        lambda: deployment.sql("SELECT count(*) FROM orders") == [(n,)], 30, "applied"
    )
    assert deployment.of("writer")[0].metrics()[REJECTED] == 0


def in_another_partition(http, other):
    """The key of a customer. If both were in one partition, the log would say which
    comes first."""
    for i in range(50):
        answer = put(http, "customers", f"late-{i}", {})
        assert (
            http.request("DELETE", f"/v1/customers/late-{i}", headers=WAIT).status
            == 204
        )
        if answer.position.split("-")[0] != other.position.split("-")[0]:
            return f"late-{i}"
    raise AssertionError("all are in one partition")


def test_a_parent_that_comes_late(deployment, http):
    late = in_another_partition(http, put(http, "orders", "early", {}))
    done = []
    child = threading.Thread(
        target=lambda: done.append(put(http, "orders", "early", {"customer": late}))
    )
    child.start()
    writer = deployment.of("writer")[0]
    wait_until(lambda: "code=23503" in writer.text(), 10, "the child was tried")
    assert put(http, "customers", late, {}).status == 201
    child.join()
    assert done[0].status == 200


def test_a_parent_that_never_comes(deployment, http):
    violates(
        put(http, "orders", "orphan", {"customer": "nobody"}),
        "orders_customer_references",
    )
    assert http.request("GET", "/v1/orders/orphan").status == 404
    # The partition goes on, and the others of the batch are not rejected.
    answers = [
        put(
            http,
            "orders",
            f"o{i}",
            {"customer": "nobody" if i % 7 == 0 else None},
            SENT,
        )
        for i in range(70)
    ]
    assert {a.status for a in answers} == {202}
    wait_until(
        lambda: deployment.sql("SELECT count(*) FROM orders") == [(60,)], 30, "applied"
    )


def test_a_parent_with_children_stays(deployment, http):
    assert put(http, "customers", "p", {}).status == 201
    assert put(http, "orders", "c", {"customer": "p"}).status == 201
    gone = http.request("DELETE", "/v1/customers/p", headers=WAIT)
    violates(gone, "orders_customer_references")
    assert http.request("GET", "/v1/customers/p").status == 200
    assert http.request("DELETE", "/v1/orders/c", headers=WAIT).status == 204
    assert http.request("DELETE", "/v1/customers/p", headers=WAIT).status == 204


def test_chains_in_one_bulk(deployment, http):
    """Each refers to the one before it, and they lie in different partitions."""
    lines = "\n".join(
        json.dumps({"key": f"{n}-{i}", "follows": f"{n}-{i - 1}" if i else None})
        for i in range(4)
        for n in range(5)
    )
    headers = {"Content-Type": "application/x-ndjson", "Prefer": "wait=20"}
    answer = http.request("POST", "/v1/orders", lines.encode(), headers)
    assert answer.status == 200, answer
    assert [
        line for line in answer.body.splitlines() if b'"status":201' not in line
    ] == []
    assert deployment.sql("SELECT count(*) FROM orders") == [(20,)]


def test_a_batch_that_deletes_a_parent_does_not_wait(deployment, shop):
    """Only what refers to a document waits for it; what is referred to cannot come."""
    shop(*({**d, "group": True} for d in (CUSTOMERS, ORDERS)))
    deployment.migrate()
    deployment.writer({"references.patience": "1m"})
    deployment.projector()
    http = deployment.api().http
    assert put(http, "customers", "g:p", {}).status == 201
    assert put(http, "orders", "g:c", {"customer": "g:p"}).status == 201
    batch = [
        {"op": "put", "collection": "orders", "key": "g:d", "document": {}},
        {"op": "delete", "collection": "customers", "key": "g:p"},
    ]
    answer = http.request("POST", "/v1/_batch", json.dumps(batch).encode(), WAIT)
    violates(answer, "orders_customer_references")
    assert answer.json()["index"] == 1
    assert deployment.sql("SELECT key FROM orders") == [("g:c",)]
