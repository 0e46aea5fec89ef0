"""The reference systems' /posts, /products and cache routes, request by request
as their READMEs show them, with the bodies and codes of their own clients."""

import json
import re

import pytest
from harness.crowd import all_at_once
from harness.hangup import hang_up
from harness.wait import wait_until

JSON = {"Content-Type": "application/json"}
POST = {"title": "First", "content": "Text", "author": "Ada"}
PRODUCT = {
    "name": "Sample Product",
    "description": "A sample product",
    "price": 29.99,
    "category": "Electronics",
    "stock_quantity": 100,
}


def send(http, method, path, document=None, prefer=None):
    headers = dict(JSON) if document is not None else {}
    if prefer:
        headers["Prefer"] = prefer
    body = None if document is None else json.dumps(document).encode()
    return http.request(method, path, body, headers)


def get(http, path):
    answer = http.request("GET", path)
    assert answer.status == 200, answer
    return answer.json()


@pytest.fixture
def post(http):
    answer = send(http, "POST", "/posts", POST)
    assert answer.status == 201, answer
    return answer.json()


@pytest.fixture
def product(http):
    answer = send(http, "POST", "/products", PRODUCT)
    assert answer.status == 200, answer
    return answer.json()["product"]


def details(answer):
    """Where the client is told to look."""
    assert answer.status == 422, answer
    return [d["loc"] for d in answer.json()["detail"] if d["msg"] and d["type"]]


# --- posts -----------------------------------------------------------------------


def test_a_post_is_made(http, post):
    assert set(post) == {"id", "title", "content", "author", "created_at", "updated_at", "cached"}
    assert isinstance(post["id"], int) and post["cached"] is False
    assert {k: post[k] for k in POST} == POST
    assert post["created_at"] == post["updated_at"]


def test_a_post_is_read_from_the_database_then_from_the_cache(world, http, post):
    first, second = get(http, f"/posts/{post['id']}"), get(http, f"/posts/{post['id']}")
    # What was answered to the write was read, and is kept.
    assert first == second == {**post, "cached": True}
    world.wait_projected()
    send(http, "POST", "/cache/clear")
    assert get(http, f"/posts/{post['id']}") == post
    assert get(http, f"/posts/{post['id']}") == {**post, "cached": True}


@pytest.mark.parametrize("change", [{"title": "Second"}, {"content": ""}, {"title": "T", "author": "B"}, {}])
def test_a_put_changes_what_it_names(http, post, change):
    """Theirs could not set an empty string."""
    answer = send(http, "PUT", f"/posts/{post['id']}", change)
    assert answer.status == 200, answer
    changed = answer.json()
    assert changed == {**post, **change, "updated_at": changed["updated_at"]}
    assert get(http, f"/posts/{post['id']}") == {**changed, "cached": True}


def test_null_in_a_put_is_as_if_left_out(http, post):
    answer = send(http, "PUT", f"/posts/{post['id']}", {"title": "New", "content": None})
    assert answer.status == 200, answer
    assert (answer.json()["title"], answer.json()["content"]) == ("New", "Text")


def test_a_post_is_deleted(http, post):
    path = f"/posts/{post['id']}"
    answer = send(http, "DELETE", path)
    assert (answer.status, answer.body) == (204, b"")
    for method, body in ("GET", None), ("DELETE", None), ("PUT", {"title": "x"}):
        answer = send(http, method, path, body)
        assert (answer.status, answer.json()) == (404, {"detail": "Post not found"}), method


def test_a_put_makes_no_post(http):
    answer = send(http, "PUT", "/posts/999999999", {"title": "x"})
    assert (answer.status, answer.json()) == (404, {"detail": "Post not found"})
    assert http.request("GET", "/posts/999999999").status == 404


@pytest.mark.parametrize("path", ["/posts/abc", "/posts/1.5", "/posts/", "/products/abc", "/products/007"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_an_id_that_is_none(http, method, path):
    answer = send(http, method, path, {} if method == "PUT" else None)
    assert details(answer)[0][0] == "path"


@pytest.mark.parametrize(
    "body, where",
    [
        ({"content": "c", "author": "a"}, [["body", "title"]]),
        ({}, [["body", "title"], ["body", "content"], ["body", "author"]]),
        ({**POST, "title": "x" * 201}, [["body", "title"]]),
        ({**POST, "author": "x" * 101}, [["body", "author"]]),
        ({**POST, "title": None}, [["body", "title"]]),
        ({**POST, "title": 7}, [["body", "title"]]),
        ([], [["body"]]),
    ],
)
def test_bad_posts(http, body, where):
    """Theirs answered what its columns could not hold with 500."""
    assert details(send(http, "POST", "/posts", body)) == where


def test_a_bad_change(http, post):
    answer = send(http, "PUT", f"/posts/{post['id']}", {"title": "x" * 201})
    assert details(answer) == [["body", "title"]]
    assert get(http, f"/posts/{post['id']}")["title"] == POST["title"]


@pytest.mark.parametrize("path", ["/posts", "/products"])
def test_what_is_not_json(http, path):
    answer = http.request("POST", path, b'{"title": ', JSON)
    assert answer.status == 422 and answer.json()["detail"][0]["type"] == "json_invalid"
    assert http.request("POST", path, b"title=x").problem == "unsupported-media-type"


# --- products ----------------------------------------------------------------------


def test_a_product_is_made(http):
    answer = send(http, "POST", "/products", PRODUCT)
    assert answer.status == 200, answer
    body = answer.json()
    assert set(body) == {"product", "source", "response_time"}
    assert body["source"] == "database" and 0 < body["response_time"] < 60
    assert {k: body["product"][k] for k in PRODUCT} == PRODUCT
    assert set(body["product"]) == {*PRODUCT, "id", "created_at", "updated_at"}


def test_a_product_is_read_from_the_database_then_from_the_cache(world, http, product):
    path = f"/products/{product['id']}"
    world.wait_projected()
    send(http, "POST", "/clear-cache")
    first, second = get(http, path), get(http, path)
    assert (first["product"], first["source"]) == (product, "database")
    assert (second["product"], second["source"]) == (product, "cache")
    assert 0 < second["response_time"] < 60


def test_a_product_is_replaced_whole(http, product):
    path = f"/products/{product['id']}"
    new = {"name": "Other", "price": 1.5, "category": "Books"}
    answer = send(http, "PUT", path, new)
    assert answer.status == 200, answer
    now = answer.json()["product"]
    assert {k: now[k] for k in new} == new
    assert (now["description"], now["stock_quantity"]) == (None, 0)
    assert get(http, path)["product"] == now


def test_a_product_is_deleted(http, product):
    path = f"/products/{product['id']}"
    answer = send(http, "DELETE", path)
    assert answer.status == 200 and answer.json()["message"] == "Product deleted successfully"
    for method, body in ("GET", None), ("DELETE", None), ("PUT", PRODUCT):
        answer = send(http, method, path, body)
        assert (answer.status, answer.json()) == (404, {"detail": "Product not found"}), method


@pytest.mark.parametrize(
    "change, field",
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"price": 0}, "price"),
        ({"price": -10}, "price"),
        ({"price": "29.99"}, "price"),
        ({"category": ""}, "category"),
        ({"category": "x" * 101}, "category"),
        ({"stock_quantity": -5}, "stock_quantity"),
        ({"stock_quantity": 1.5}, "stock_quantity"),
    ],
)
def test_bad_products(http, change, field):
    assert details(send(http, "POST", "/products", {**PRODUCT, **change})) == [["body", field]]


@pytest.mark.parametrize("missing", ["name", "price", "category"])
def test_products_that_lack_something(http, missing):
    document = {k: v for k, v in PRODUCT.items() if k != missing}
    assert details(send(http, "POST", "/products", document)) == [["body", missing]]


def test_a_price_keeps_its_digits(http):
    body = json.dumps(PRODUCT).replace("29.99", "12345678901234567890.123456789")
    answer = http.request("POST", "/products", body.encode(), JSON)
    assert b'"price":12345678901234567890.123456789' in answer.body, answer
    made = http.request("GET", f"/products/{answer.json()['product']['id']}")
    assert b'"price":12345678901234567890.123456789' in made.body


def test_products_without_what_is_optional(http):
    document = {"name": "n", "price": 1, "category": "c", "description": None}
    made = send(http, "POST", "/products", document).json()["product"]
    assert (made["description"], made["stock_quantity"]) == (None, 0)


# --- all of them ---------------------------------------------------------------------


def test_respond_async(http, post):
    for method, path, body in (
        ("POST", "/posts", POST),
        ("PUT", f"/posts/{post['id']}", {"title": "later"}),
        ("POST", "/products", PRODUCT),
        ("DELETE", f"/posts/{post['id']}", None),
    ):
        answer = send(http, method, path, body, prefer="respond-async")
        assert (answer.status, answer.json()["state"]) == (202, "accepted"), answer
        assert answer.json()["position"] == answer.position


def test_a_commit_that_is_late_is_a_receipt(world, http):
    (writer,) = world.of("writer")
    writer.sigstop()
    try:
        answer = send(http, "POST", "/posts", POST, prefer="wait=1")
    finally:
        writer.sigcont()
    assert answer.status == 202, answer
    key = answer.json()["key"]
    after = http.request("GET", f"/posts/{key}", headers={"Sluice-Read-After": answer.position})
    assert after.json()["title"] == POST["title"]


def test_the_rows_are_those_of_v1(http, post):
    native = get(http, f"/v1/posts/{post['id']}")
    assert {**native, "cached": False} == post


def test_every_write_is_read_at_once(http, other_api, post):
    """They slept for half a second; here the other instance knows as well."""
    path = f"/posts/{post['id']}"
    for i in range(20):
        answer = send(http, "PUT", path, {"title": f"{i}"})
        assert answer.json()["title"] == f"{i}"
        assert get(http, path)["title"] == f"{i}"


def test_ids_are_final_and_differ(http):
    made = all_at_once(20, lambda _: send(http, "POST", "/posts", POST).json()["id"])
    assert len(set(made)) == 20


# --- the caches ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path, body",
    [
        ("/cache/clear", {"message": "Cache cleared successfully"}),
        ("/clear-cache", {"success": True, "message": "All caches cleared"}),
    ],
)
def test_clearing(world, http, servers, post, path, body):
    """Theirs emptied the whole server, whoever's keys were in it."""
    servers.redis().set("somebody else's", "one")
    get(http, f"/posts/{post['id']}")
    assert get(http, f"/posts/{post['id']}")["cached"] is True
    world.wait_projected()
    answer = http.request("POST", path)
    assert (answer.status, answer.json()) == (200, body)
    assert servers.redis().get("somebody else's") == b"one"
    assert get(http, f"/posts/{post['id']}")["cached"] is False


def test_clearing_while_much_is_read(http, post):
    path = f"/posts/{post['id']}"

    def one(i):
        if i % 4:
            return get(http, path)["title"]
        answer = http.request("POST", "/cache/clear")
        assert answer.status == 200, answer
        return POST["title"]

    assert set(all_at_once(24, one)) == {POST["title"]}


def test_cache_stats_of_both_caches(http, post):
    before = get(http, "/cache/stats")
    assert set(before) == {"hits", "misses", "hit_rate", "total_requests"}
    get(http, f"/posts/{post['id']}")
    get(http, f"/posts/{post['id']}")
    http.request("GET", "/posts/888888888")
    after = get(http, "/cache/stats")
    moved = {k: after[k] - before[k] for k in ("hits", "misses", "total_requests")}
    assert moved == {"hits": 2, "misses": 1, "total_requests": 3}
    rate = 100 * after["hits"] / after["total_requests"]
    assert after["hit_rate"] == pytest.approx(rate, abs=0.01)


def test_performance_is_measured_on_a_warm_document(http, post):
    get(http, f"/posts/{post['id']}")
    said = get(http, "/cache/performance")
    cached, database = said["cached_response_time"], said["database_response_time"]
    assert 0 < cached < database < 10
    assert re.fullmatch(r"\d+\.\d\d%", said["performance_improvement"])
    share = float(said["performance_improvement"][:-1])
    assert share == pytest.approx(100 * (database - cached) / database, abs=0.1)
    assert re.match(r"[a-z]+/", said["document"]) and said["rounds"] > 10


def test_performance_is_measured_where_pages_are_cached_as_well(http):
    for limit in range(1, 100):
        get(http, f"/products?limit={limit}")
    assert "\0" not in get(http, "/cache/performance")["document"]


def test_performance_of_an_empty_cache(special_api):
    """Theirs timed a miss as a hit."""
    api = special_api({})
    wait_until(
        lambda: api.http.request("GET", "/cache/performance").status == 200,
        10,
        "commits are heard of",
    )
    said = get(api.http, "/cache/performance")
    assert 0 < said["cached_response_time"] < said["database_response_time"]


def test_clearing_without_redis_says_so(special_api, servers):
    """The memory is cleared; nobody is told that Redis is."""
    api = special_api({"redis.url": f"redis://127.0.0.1:{servers.ports.take()}"})
    answer = api.http.request("POST", "/cache/clear")
    assert (answer.status, answer.problem) == (503, "store-unavailable"), answer


# --- lists ---------------------------------------------------------------------------


@pytest.fixture
def no_rows(world, http):
    """Empty collections: what the other tests made is deleted."""
    for name in "posts", "products":
        while rows := get(http, f"/v1/{name}?limit=1000"):
            all_at_once(len(rows), lambda i: send(http, "DELETE", f"/{name}/{rows[i]['id']}"))


def test_the_list_of_posts(http, no_rows):
    made = [send(http, "POST", "/posts", {**POST, "title": f"{i}"}).json() for i in range(3)]
    first, second = get(http, "/posts"), get(http, "/posts")
    assert first == sorted(made, key=lambda post: post["id"])
    assert second == [{**post, "cached": True} for post in first]
    send(http, "POST", "/posts", POST)
    after = get(http, "/posts")
    assert len(after) == 4 and {post["cached"] for post in after} == {False}


def test_the_list_of_products(http, no_rows):
    made = [send(http, "POST", "/products", PRODUCT).json()["product"] for _ in range(3)]
    first, second = get(http, "/products"), get(http, "/products")
    assert first["products"] == sorted(made, key=lambda product: product["id"])
    assert [a["source"] for a in (first, second)] == ["database", "cache"]
    assert second["products"] == first["products"] and 0 < second["response_time"] < 60
    for change in (
        ("PUT", f"/products/{made[0]['id']}", {**PRODUCT, "name": "Other"}),
        ("DELETE", f"/products/{made[1]['id']}", None),
    ):
        send(http, *change)
        assert get(http, "/products")["source"] == "database"
    names = [product["name"] for product in get(http, "/products")["products"]]
    assert names == ["Other", PRODUCT["name"]]


def test_an_empty_list_is_cached(http, no_rows):
    """Theirs took an empty list for none."""
    assert get(http, "/posts") == [] and get(http, "/products")["products"] == []
    assert get(http, "/products")["source"] == "cache"
    assert get(http, "/products")["products"] == []


def test_pages_of_a_list(http, no_rows):
    """Theirs answered half a million rows at once, and asked for pages."""
    all_at_once(12, lambda i: send(http, "POST", "/posts", {**POST, "title": f"{i:02}"}))
    assert len(get(http, "/posts?limit=5")) == 5 and len(get(http, "/posts")) == 12
    path, titles = "/posts?limit=5&order=title.desc", []
    while path:
        answer = http.request("GET", path)
        assert answer.status == 200, answer
        titles += [post["title"] for post in answer.json()]
        link = re.fullmatch(r'<(/posts\?[^>]*)>; rel="next"', answer.header("Link") or "")
        path = link and link[1]
    assert titles == [f"{i:02}" for i in reversed(range(12))]


@pytest.mark.parametrize("path", ["/posts?no=eq.1", "/products?limit=0", "/posts?cursor=x"])
def test_queries_that_are_not_understood(http, path):
    answer = http.request("GET", path)
    assert answer.status == 400 and answer.problem in ("invalid-filter", "invalid-cursor")
    assert answer.json()["detail"]


def test_clearing_ends_pages_too(http, no_rows):
    get(http, "/products")
    assert get(http, "/products")["source"] == "cache"
    http.request("POST", "/cache/clear")
    assert get(http, "/products")["source"] == "database"


# --- all rows at once ----------------------------------------------------------------

MANY = 1003  # a page has 1000 at most


def fill(http, name, document):
    body = json.dumps([document] * MANY).encode()
    answer = http.request("POST", f"/v1/{name}", body, {**JSON, "Prefer": "wait=20, return=minimal"})
    assert (answer.status, answer.json()) == (200, []), answer


@pytest.fixture
def many_rows(http, no_rows):
    for name, document in ("posts", POST), ("products", PRODUCT):
        fill(http, name, document)


def test_without_a_limit_a_list_is_whole(http, many_rows):
    posts = get(http, "/posts")
    assert len(posts) == MANY and {post["cached"] for post in posts} == {False}
    assert set(posts[0]) == {"id", *POST, "created_at", "updated_at", "cached"}
    ids = [post["id"] for post in posts]
    assert ids == sorted(set(ids))
    products = get(http, "/products")
    assert len(products["products"]) == MANY and products["source"] == "database"
    assert set(products) == {"products", "source", "response_time"}
    assert set(products["products"][0]) == {"id", *PRODUCT, "created_at", "updated_at"}
    assert 0 < products["response_time"] < 60


def test_a_whole_list_has_what_was_just_written(http, many_rows):
    made = send(http, "POST", "/posts", {**POST, "title": "the last one"}).json()
    assert get(http, "/posts")[-1] == made
    send(http, "DELETE", f"/posts/{made['id']}")
    assert len(get(http, "/posts")) == MANY


def test_a_whole_list_as_its_headers_ask(http, many_rows):
    head = http.request("HEAD", "/posts")
    assert (head.status, head.header("Content-Type")) == (200, "application/json")
    answer = http.request("GET", "/posts", headers={"Cache-Control": "only-if-cached"})
    assert (answer.status, answer.problem) == (504, "only-if-cached")
    answer = http.request("GET", "/posts", headers={"Cache-Control": "no-cache"})
    assert len(answer.json()) == MANY and "fwd=request" in answer.header("Cache-Status")
    lines = http.request("GET", "/posts", headers={"Accept": "application/x-ndjson"})
    assert len(lines.body.splitlines()) == MANY


def test_a_whole_list_whose_client_hangs_up(api, http, many_rows):
    """In each of the ways, at any moment of a body that is streamed."""
    requests = [
        (api.http.port, f"GET {path} HTTP/1.{minor}\r\nHost: localhost\r\n\r\n".encode())
        for path, minor in (("/posts", 1), ("/products", 1), ("/posts", 0))
    ]
    hang_up(requests, 50, seed=3)
    wait_until(
        lambda: api.metrics()["sluice_exports_running"] == 0, 20, "no export is left"
    )
    assert len(get(http, "/posts")) == MANY
