"""Links to the next page, of lists with long filters: each can be followed, or there is
an answer that says why not."""

from urllib.parse import quote

import pytest
from harness.client import key_path
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
