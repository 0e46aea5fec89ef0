"""The reference systems' own tests, as requests: one table for each system, in it
what each of its tests sends, and what that test asserts of the answer.

What they wait for by sleeping (a replica that has caught up) is waited for here.
Their tests of their own cache modules send no request and are left out. What is
wrong in those systems, and which test shows that it is right here: DEFECTS.
"""

import json
import re

import pytest
from harness.crowd import all_at_once
from harness.servers import ROOT
from harness.wait import wait_until

INTEGRATION = ROOT / "tests" / "integration"

# --- what an answer is held to ------------------------------------------------------

NUMBER = (int, float)
ANY = object


def at_least(low):
    return lambda v: v >= low


def one_of(*values):
    return lambda v: v in values


def has(wanted, got):
    if isinstance(wanted, dict):
        assert isinstance(got, dict), got
        for name, value in wanted.items():
            assert name in got, f"{name} is missing in {got}"
            has(value, got[name])
    elif isinstance(wanted, (type, tuple)):
        assert isinstance(got, wanted) and (wanted is bool or not isinstance(got, bool)), got
    elif callable(wanted):
        assert wanted(got), got
    else:
        assert got == wanted and type(got) is type(wanted), (got, wanted)


CAUGHT_UP = "CAUGHT UP"  # the replica has what was written


class Client:
    """Sends the steps of a case: (request, body, status, what the answer has).
    A `{name}` in a path is what an answer before had there."""

    def __init__(self, world, http):
        self.world, self.http, self.known = world, http, {}

    def caught_up(self):
        (end,) = self.world.sql("SELECT pg_current_wal_lsn()::text")[0]
        wait_until(
            lambda: self.world.sql(
                "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", end, replica=True
            )[0][0],
            20,
            "the replica has caught up",
        )

    def step(self, request, body=None, status=200, wanted=None):
        method, path = request.format(**self.known).split(" ", 1)
        sent = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        if path.endswith(("/clear", "/clear-cache")):
            self.world.wait_projected()  # or the last write comes into Redis after it
        answer = self.http.request(method, path, sent, headers)
        assert answer.status == status, answer
        if wanted is None:
            return
        got = answer.json()
        has(wanted, got)
        row = got.get("product", got) if isinstance(got, dict) else {}
        self.known.update({k: v for k, v in row.items() if k in ("id",)})

    def steps(self, steps):
        for step in steps:
            if step == CAUGHT_UP:
                self.caught_up()
            else:
                self.step(*step)


def write(key, value, **wanted):
    return ("POST /write", {"key": key, "value": value}, 200, {"success": True, "key": key, **wanted})


def read(key, value, **wanted):
    return (f"GET /read/{key}", None, 200, {"success": True, "key": key, "value": value, **wanted})


# --- layer 2: a read cache ----------------------------------------------------------

LONG = "x" * 10_000
SPECIAL = "!@#$%^&*()_+-=[]{}|;:',.<>?/~` \u00fc\u00f1\u6f22\U0001f600"

LAYER_2 = {
    "health": [
        ("GET /health", None, 200,
         {"status": "healthy", "database": "healthy", "cache": one_of("healthy", "unavailable")}),
    ],
    "cache stats": [
        ("GET /cache-stats", None, 200,
         {"available": True, "hits": int, "misses": int, "keys": int, "hit_rate": NUMBER}),
    ],
    "write": [write("l2:w", "v", message=str)],
    "a miss, then a hit": [
        write("l2:hit", "v"),
        read("l2:hit", "v", from_cache=False, created_at=str, updated_at=str, message=str),
        read("l2:hit", "v", from_cache=True),
    ],
    "a write invalidates": [
        write("l2:inv", "old"), read("l2:inv", "old"), read("l2:inv", "old", from_cache=True),
        write("l2:inv", "new"), read("l2:inv", "new", from_cache=False),
        read("l2:inv", "new", from_cache=True),
    ],
    "a key that is not there": [
        ("GET /read/l2:nowhere", None, 200,
         {"success": False, "key": "l2:nowhere", "message": "Key not found", "from_cache": False}),
    ],
    "hit rate": [
        write("l2:rate", "v"), *[read("l2:rate", "v")] * 6,
        ("GET /cache-stats", None, 200, {"hits": at_least(5), "hit_rate": lambda v: 0 < v <= 100}),
    ],
    "many writes": [
        *(write(f"l2:many{i}", f"v{i}") for i in range(5)),
        *(read(f"l2:many{i}", f"v{i}") for i in range(5)),
    ],
    "an update": [write("l2:up", "one"), write("l2:up", "two"), read("l2:up", "two")],
    "a body that is not valid": [("POST /write", {"key": "l2:only"}, 422, {"detail": ANY})],
}  # fmt: skip

# --- layer 3: read replicas ---------------------------------------------------------

LAYER_3 = {
    "health": [
        ("GET /health", None, 200,
         {"status": "healthy", "primary": "healthy", "replica": "healthy", "cache": "healthy"}),
    ],
    "stats": [
        ("GET /stats", None, 200,
         {"cache_available": True, "cache_hits": int, "cache_misses": int, "cache_keys": int,
          "cache_hit_rate": NUMBER, "primary_pool_size": at_least(1), "replica_pool_size": at_least(1)}),
    ],
    "a miss is read from the replica": [
        write("l3:miss", "v"), CAUGHT_UP,
        read("l3:miss", "v", from_cache=False, from_replica=True, created_at=str, updated_at=str),
        read("l3:miss", "v", from_cache=True, from_replica=False),
    ],
    "a key that is not there": [
        ("GET /read/l3:nowhere", None, 200,
         {"success": False, "message": "Key not found", "from_cache": False, "from_replica": True}),
    ],
    "a write invalidates": [
        write("l3:inv", "old"), read("l3:inv", "old"), read("l3:inv", "old", from_cache=True),
        write("l3:inv", "new"), read("l3:inv", "new", from_cache=False),
    ],
    "hits are counted": [
        write("l3:count", "v"), *[read("l3:count", "v")] * 6,
        ("GET /stats", None, 200, {"cache_hits": at_least(5), "cache_hit_rate": lambda v: v > 0}),
    ],
    "special characters": [write("l3:special", SPECIAL), read("l3:special", SPECIAL)],
    "a long value": [write("l3:long", LONG), CAUGHT_UP, read("l3:long", LONG)],
    "replicated again and again": [
        step for i in range(3)
        for step in (write("l3:again", f"{i}"), CAUGHT_UP, read("l3:again", f"{i}", from_replica=True))
    ],
}  # fmt: skip

# --- layer 5: two tiers -------------------------------------------------------------


def l1_is_bounded(stats):
    return stats["l1_cache_size"] <= stats["l1_cache_max_size"]


LAYER_5 = {
    "health": [
        ("GET /health", None, 200, {"status": "healthy", "database": "healthy",
                                    "l1_cache": "healthy", "l2_cache": "healthy"}),
    ],
    "levels": [
        write("l5:level", "v", message=str),
        read("l5:level", "v", cache_level=one_of("DB", "L3"), from_cache=False),
        read("l5:level", "v", cache_level="L1", from_cache=True),
    ],
    "stats as documented": [
        ("GET /cache-stats", None, 200,
         {"l1_size": int, "l1_max_size": at_least(1), "l1_hits": int, "l1_misses": int,
          "l1_hit_rate": NUMBER, "l2_hits": int, "l2_misses": int, "l2_hit_rate": NUMBER,
          "combined_hit_rate": NUMBER, "db_reads": int}),
        ("GET /cache-stats", None, 200, lambda s: s["l1_size"] <= s["l1_max_size"]),
    ],
    "stats as in its code": [
        ("GET /stats", None, 200,
         {"l1_cache_available": True, "l1_cache_size": int, "l1_cache_max_size": at_least(1),
          "l1_cache_hits": int, "l1_cache_misses": int, "l1_hit_rate": NUMBER,
          "l2_cache_available": True, "l2_cache_keys": int, "l2_cache_hits": int,
          "l2_cache_misses": int, "l2_hit_rate": NUMBER, "db_pool_size": at_least(1),
          "total_hits": int, "total_misses": int, "overall_hit_rate": NUMBER}),
        ("GET /stats", None, 200, l1_is_bounded),
    ],
    "a write invalidates both": [
        write("l5:inv", "old"), read("l5:inv", "old"), read("l5:inv", "old", cache_level="L1"),
        write("l5:inv", "new"), read("l5:inv", "new", cache_level="DB"),
    ],
    "clearing": [
        write("l5:clear", "v"), read("l5:clear", "v"), read("l5:clear", "v", cache_level="L1"),
        ("POST /clear-cache", None, 200, {"success": True, "message": "All caches cleared"}),
        read("l5:clear", "v", cache_level="DB"),
    ],
    "a key that is not there": [
        ("GET /read/l5:nowhere", None, 200, {"success": False, "message": "Key not found"}),
    ],
    "special characters": [write("l5:special", SPECIAL), read("l5:special", SPECIAL)],
    "combined rate": [
        write("l5:rate", "v"), *[read("l5:rate", "v")] * 6,
        ("GET /cache-stats", None, 200,
         lambda s: s["combined_hit_rate"] == pytest.approx(
             100 * (s["l1_hits"] + s["l2_hits"]) / (s["l1_hits"] + s["l1_misses"]), abs=0.01)),
    ],
}  # fmt: skip

# --- layer 6: a write queue ---------------------------------------------------------

LAYER_6 = {
    "health": [
        ("GET /health", None, 200,
         {"status": "healthy", "database": "healthy", "cache": "healthy", "queue": "healthy",
          "queue_length": int, "queue_depth": int, "worker_active": True}),
    ],
    "stats": [
        ("GET /stats", None, 200,
         {"cache_hits": int, "cache_misses": int, "db_pool_size": int, "queue_length": int,
          "queue_depth": int, "writes_queued": int, "writes_processed": int, "writes_failed": int,
          "processing_rate": NUMBER}),
    ],
    "a write is queued": [
        write("l6:w", "v", queued=True, message="Write queued successfully", committed=True),
    ],
    "what was queued is read": [write("l6:r", "v", queued=True), read("l6:r", "v", from_cache=False)],
    "writes are counted": [
        write("l6:c", "v"), ("GET /stats", None, 200, {"writes_queued": at_least(1)}),
    ],
    "an update": [write("l6:u", "one"), write("l6:u", "two"), read("l6:u", "two")],
}  # fmt: skip

# --- the blog -----------------------------------------------------------------------

POST = {"title": "Performance Test Post", "content": "Testing cache invalidation", "author": "Test"}
POST_READ = {**POST, "id": int, "created_at": str, "updated_at": str, "cached": bool}
no_post = {"detail": "Post not found"}

BLOG = {
    # test_performance.py: a health check, a post twice, the list twice, a new post.
    "its performance script": [
        ("GET /health", None, 200, {"status": "healthy", "database": str, "redis": "connected"}),
        ("POST /posts", POST, 201, POST_READ),
        ("GET /posts/{id}", None, 200, {**POST_READ, "cached": bool}),
        ("GET /posts/{id}", None, 200, {**POST_READ, "cached": True}),
        ("GET /posts", None, 200, lambda posts: posts and type(posts[0]["cached"]) is bool),
        ("GET /posts", None, 200, lambda posts: len(posts) > 1000),
        ("POST /posts", POST, 201, {**POST_READ, "cached": False}),
        ("GET /posts/{id}", None, 200, POST_READ),
    ],
    "change": [
        ("POST /posts", POST, 201, POST_READ),
        ("PUT /posts/{id}", {"title": "Changed"}, 200, {**POST_READ, "title": "Changed"}),
        ("GET /posts/{id}", None, 200, {**POST_READ, "title": "Changed"}),
    ],
    "delete": [
        ("POST /posts", POST, 201, POST_READ),
        ("DELETE /posts/{id}", None, 204, None),
        ("GET /posts/{id}", None, 404, no_post),
        ("DELETE /posts/{id}", None, 404, no_post),
        ("PUT /posts/{id}", {"title": "x"}, 404, no_post),
    ],
    "what is refused": [
        ("GET /posts/abc", None, 422, {"detail": list}),
        ("POST /posts", {"title": "t"}, 422, {"detail": list}),
    ],
}  # fmt: skip

# --- products -----------------------------------------------------------------------

PRODUCT = {"name": "Test Product", "description": "A test product", "price": 29.99,
           "category": "Electronics", "stock_quantity": 100}  # fmt: skip
PRODUCT_READ = {**PRODUCT, "id": int, "created_at": str, "updated_at": str}
FROM_DB = {"source": "database", "response_time": NUMBER}
no_product = {"detail": "Product not found"}


def bad_product(**change):
    return ("POST /products", {**PRODUCT, **change}, 422, {"detail": list})


def without(name):
    return ("POST /products", {k: v for k, v in PRODUCT.items() if k != name}, 422, {"detail": list})


PRODUCTS = {
    "test_cache: the list, twice": [
        ("POST /products", PRODUCT, 200, {"product": PRODUCT_READ, **FROM_DB}),
        ("GET /products", None, 200, {"products": list, **FROM_DB}),
        ("GET /products", None, 200, {"products": list, "source": "cache", "response_time": NUMBER}),
    ],
    "test_cache: a new one invalidates the list": [
        ("GET /products", None, 200, {"products": list}),
        ("POST /products", PRODUCT, 200, {"product": PRODUCT_READ}),
        ("GET /products", None, 200, {"products": list, **FROM_DB}),
        ("GET /products", None, 200, {"source": "cache"}),
    ],
    "test_cache: one of them": [
        ("POST /products", PRODUCT, 200, {"product": PRODUCT_READ}),
        ("POST /cache/clear", None, 200, {"message": "Cache cleared successfully"}),
        ("GET /products/{id}", None, 200, {"product": PRODUCT_READ, **FROM_DB}),
        ("GET /products/{id}", None, 200, {"product": PRODUCT_READ, "source": "cache"}),
        ("PUT /products/{id}", {**PRODUCT, "price": 39.99}, 200,
         {"product": {**PRODUCT_READ, "price": 39.99}, **FROM_DB}),
        ("GET /products/{id}", None, 200, {"product": {**PRODUCT_READ, "price": 39.99}}),
        ("DELETE /products/{id}", None, 200, {"message": "Product deleted successfully", **FROM_DB}),
        ("GET /products/{id}", None, 404, no_product),
        ("DELETE /products/{id}", None, 404, no_product),
    ],
    "test_cache: statistics and performance": [
        ("GET /cache/stats", None, 200,
         {"hits": at_least(1), "misses": at_least(1), "hit_rate": NUMBER, "total_requests": at_least(2)}),
        ("GET /cache/performance", None, 200,
         {"cached_response_time": NUMBER, "database_response_time": NUMBER,
          "performance_improvement": lambda v: re.fullmatch(r"\d+\.\d\d%", v)}),
        ("GET /health", None, 200,
         {"status": "healthy", "timestamp": NUMBER,
          "services": {"database": "connected", "cache": "connected"}}),
    ],
    "test_form_validation": [
        bad_product(name=""), bad_product(price=0), bad_product(price=-10), bad_product(category=""),
        bad_product(stock_quantity=-5), bad_product(name="x" * 300), without("name"),
        without("price"), without("category"),
    ],
    "test_frontend_simulation": [
        ("POST /products", {**PRODUCT, "description": None}, 200, {"product": {"description": None}}),
        ("POST /products", {k: v for k, v in PRODUCT.items() if k != "description"}, 200,
         {"product": {"id": int}}),
        ("POST /products", {**PRODUCT, "name": "  blanks  "}, 200, {"product": {"name": "  blanks  "}}),
        ("GET /", None, 200, None),
    ],
}  # fmt: skip

# ------------------------------------------------------------------------------------

SYSTEMS = {"layer 2": LAYER_2, "layer 3": LAYER_3, "layer 5": LAYER_5, "layer 6": LAYER_6,
           "blog": BLOG, "products": PRODUCTS}  # fmt: skip
CASES = [(system, name) for system, cases in SYSTEMS.items() for name in cases]


@pytest.fixture(scope="module")
def many_posts(world):
    """More than a page of them."""
    http = world.of("api")[0].http
    body = json.dumps([POST] * 1100).encode()
    headers = {"Content-Type": "application/json", "Prefer": "wait=20, return=minimal"}
    answer = http.request("POST", "/v1/posts", body, headers)
    assert (answer.status, answer.json()) == (200, []), answer


@pytest.mark.parametrize("system, name", CASES)
def test_what_their_tests_send(world, http, many_posts, system, name):
    wait_until(
        lambda: http.request("GET", "/health").json()["status"] == "healthy", 20, "all is well"
    )
    Client(world, http).steps(SYSTEMS[system][name])


def test_twenty_reads_at_once(http):
    """Of layers 2 and 3."""
    http.write("l2:crowd", "v")
    http.read("l2:crowd")
    answers = all_at_once(20, lambda _: http.read("l2:crowd").json())
    assert {(a["success"], a["value"], a["from_cache"]) for a in answers} == {(True, "v", True)}


def test_writes_at_once(http):
    """Of layers 3 and 6: none is lost."""
    answers = all_at_once(20, lambda i: http.write(f"l3:crowd{i}", f"v{i}"))
    assert {a.json()["success"] for a in answers} == {True}
    for i in range(20):
        assert http.read(f"l3:crowd{i}").json()["value"] == f"v{i}"


# What is wrong in them, and who would notice here.
DEFECTS = {
    "an empty L1 is taken for none, and stays empty": "compat/test_seed_routes.py::test_the_first_entry_of_an_empty_l1_is_kept",
    "a late replica fills the cache": "read/test_replica.py::test_a_fill_from_a_late_replica_does_not_stay",
    "a reader fills what a writer has just changed": "recovery/test_consistency.py::test_reads_and_writes_keep_their_promises",
    "other instances' memory stays": "read/test_single_flight.py::test_a_commit_ends_what_is_not_refreshed",
    "a worker that dies loses a batch": "recovery/test_exactly_once.py::test_twenty_kills_of_writer_and_projector",
    "the worker invalidates nothing": "read/test_single_flight.py::test_the_projector_refreshes_redis",
    "a read between queueing and commit is cached": "compat/test_seed_routes.py::test_a_read_after_a_write_is_the_new_value_from_the_database",
    "a projector applies everything again": "recovery/test_exactly_once.py::test_two_writers_and_two_projectors_share_the_partitions",
    "absent rows are never cached": "read/test_single_flight.py::test_a_burst_for_an_absent_key_is_one_query_and_it_is_cached",
    "empty lists are never cached": "compat/test_seed_rows.py::test_an_empty_list_is_cached",
    "a stampede": "read/test_single_flight.py::test_a_burst_for_one_cold_key_is_one_query",
    "clearing empties the whole server": "compat/test_seed_rows.py::test_clearing",
    "a cold entry is timed as a hit": "compat/test_seed_rows.py::test_performance_of_an_empty_cache",
    "markup in the page": "docs/test_pages.py::test_the_console",
    "errors show the driver's text": "http/test_errors.py::test_titles_and_types_are_stable",
    "statistics of the whole Redis server": "compat/test_seed_routes.py::test_cache_stats_count_this_instance",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_of_theirs_has_a_test(defect):
    file, name = DEFECTS[defect].split("::")
    text = (INTEGRATION / file).read_text()
    assert re.search(rf"^def {name}\(", text, re.M)
