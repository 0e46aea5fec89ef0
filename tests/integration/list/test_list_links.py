"""Links to the next page, of lists with long filters: each can be followed, or there is
an answer that says why not."""

import json
from urllib.parse import quote

import pytest
from harness.client import key_path
from harness.replica import replica_caught_up
from test_lists import JSON, WAIT, get, next_of, url

KEYS = ["row 1", "row 2", "row 3"]


@pytest.fixture(scope="module")
def three(world):
    http = world.of("api")[0].http
    for key in KEYS:
        answer = http.request("PUT", key_path(key), b'{"value": "x"}', {**JSON, **WAIT})
        assert answer.status in (200, 201), answer


def among(n, size):
    """The keys, and others that no row has."""
    return KEYS + [f"{i:0{size}}" for i in range(n - len(KEYS))]


@pytest.mark.parametrize("n, size", [(1000, 4), (1000, 7), (250, 36)])
def test_every_page_of_a_long_list_of_values(three, http, n, size):
    path = f"/v1/records?key=in.({','.join(map(quote, among(n, size)))})&limit=1"
    found = []
    while path:
        answer = get(http, path)
        assert answer.status == 200, answer
        found += [document["key"] for document in answer.json()]
        path = next_of(answer)
    assert found == KEYS


@pytest.mark.parametrize("form", ["as it is", "encoded", "like"])
def test_a_link_that_has_no_room(three, http, form):
    """Every answer comes, be it that there is none with a Link; none needs one where all
    rows fit."""
    said = set()
    for n in range(60, 620, 4):
        values = among(n, 36)
        if form == "as it is":
            query = f"key=in.({','.join(map(quote, values))})"
        elif form == "encoded":
            query = url("", key=f"in.({','.join(values)})").split("?")[1]
        else:
            query = "key=neq." + "%C3%A4" * (6 * n)
        if len(query) > 20_000:
            break
        answer = get(http, f"/v1/records?{query}&limit=1")
        said.add((answer.status, answer.problem))
        assert (answer.status == 200) == (next_of(answer) is not None)
        if answer.status == 200:
            assert get(http, next_of(answer)).status == 200
        else:
            assert get(http, f"/v1/records?{query}&limit=500").status == 200
    assert said == {(200, None), (400, "invalid-filter")}


# --- by long values -----------------------------------------------------------------


def followed(http, path):
    """The documents of all pages, each of which must be there, read anew."""
    found = []
    while path:
        answer = get(http, path, Cache_Control="no-cache")
        assert answer.status == 200, answer
        found += documents_of(answer)
        path = next_of(answer)
    return found


def documents_of(page):
    """Python reads no integer of so many digits."""
    return json.loads(page.body, parse_int=lambda text: int(text) if len(text) < 20 else text)


@pytest.fixture(scope="module")
def dear(world):
    """Products whose prices are long: some from the API, others by hand, as they may
    be from before numbers had a bound; several are equal."""
    http = world.of("api")[0].http
    for i in range(4):
        price = "9" * 1000 + "." + "9" * (996 + i)
        body = f'{{"name": "dear", "category": "c", "price": {price}}}'
        answer = http.request("POST", "/v1/products", body.encode(), {**JSON, **WAIT})
        assert answer.status == 201, answer
    world.sql(
        "INSERT INTO products (id, name, category, stock_quantity, version, created_at,"
        " updated_at, price) SELECT 2000000 + i, 'dear', 'c', 0, 1, now(), now(),"
        " (CASE WHEN i % 2 = 0 THEN '1e131071' ELSE repeat('8', 4200 + i / 4) END)::numeric"
        " FROM generate_series(1, 12) i"
    )
    replica_caught_up(world)
    ids = "SELECT id FROM products WHERE price > 1e900 ORDER BY price, id"
    return [row[0] for row in world.sql(ids)]


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("way", ["asc", "desc"])
def test_pages_by_long_numbers(dear, http, way, limit):
    found = followed(http, f"/v1/products?price=gt.1e900&order=price.{way}&limit={limit}")
    want = dear if way == "asc" else dear[::-1]
    assert [document["id"] for document in found] == want


@pytest.mark.parametrize("way", ["asc", "desc"])
def test_a_page_behind_a_long_number_that_changed(world, dear, http, way):
    """It begins in front of where the row was: nothing is left out."""
    path = f"/v1/products?price=gt.1e900&order=price.{way}&limit=1&"
    for id in 2000007, 2000009:
        order = dear if way == "asc" else dear[::-1]
        page = get(http, path)
        while documents_of(page)[0]["id"] != id:
            page = get(http, next_of(page), Cache_Control="no-cache")
        ((price,),) = world.sql("SELECT price::text FROM products WHERE id = %s", id)
        world.sql("UPDATE products SET price = 1 WHERE id = %s", id)
        replica_caught_up(world)
        rest = [document["id"] for document in followed(http, next_of(page))]
        behind = order[order.index(id) + 1 :]
        assert rest[-len(behind) :] == behind
        world.sql("UPDATE products SET price = %s::numeric WHERE id = %s", price, id)
        replica_caught_up(world)


@pytest.mark.parametrize("way", ["asc", "desc"])
def test_pages_by_long_strings(world, http, way):
    made = []
    for i in range(5):
        title = "\U0001f600" * 199 + "ab"[i % 2]
        body = {"title": title, "content": "c", "author": f"long {way}"}
        answer = http.request("POST", "/v1/posts", json.dumps(body).encode(), {**JSON, **WAIT})
        assert answer.status == 201, answer
        made.append((title, int(answer.header("Location").rsplit("/", 1)[1])))
    path = url("posts", author=f"eq.long {way}", order=f"title.{way}", limit=1)
    found = [(document["title"], document["id"]) for document in followed(http, path)]
    assert found == sorted(made, reverse=way == "desc")
