"""select=a,b: parts of documents, of one document and of lists."""

import json
import re

import pytest
from harness.client import key_path
from harness.counters import Moved
from harness.replica import replica_caught_up

JSON = {"Content-Type": "application/json"}
WAIT = {"Prefer": "wait=10"}
QUERIES = "sluice_page_queries_total"


def get(http, path, **headers):
    return http.request(
        "GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()}
    )


def found(http, path, **headers):
    answer = get(http, path, **headers)
    assert answer.status == 200, answer
    return answer


def create(http, collection, document):
    answer = http.request(
        "POST", f"/v1/{collection}", json.dumps(document).encode(), {**JSON, **WAIT}
    )
    assert answer.status == 201, answer
    return answer.json()


def patch(http, path, document):
    headers = {"Content-Type": "application/merge-patch+json", **WAIT}
    answer = http.request("PATCH", path, json.dumps(document).encode(), headers)
    assert answer.status == 200, answer
    return answer


@pytest.fixture(scope="module")
def post(world):
    http = world.of("api")[0].http
    document = {"title": 'a "title"', "content": "long", "author": "ada"}
    answer = http.request(
        "POST",
        "/v1/posts",
        json.dumps(document).encode(),
        {**JSON, "Prefer": "wait=10, return=representation"},
    )
    assert answer.status == 201, answer
    return answer.json()


def path_of(post, names=None):
    path = key_path(str(post["id"]), "posts")
    return f"{path}?select={names}" if names else path


def test_a_document(http, post):
    answer = found(http, path_of(post, "title,id"))
    assert answer.body == f'{{"id":{post["id"]},"title":"a \\"title\\""}}'.encode()
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("Vary") in (None, "Accept-Encoding")
    assert found(http, path_of(post, "id,title")).header("ETag") == answer.header("ETag")
    whole = found(http, path_of(post))
    assert whole.json() == post
    assert found(http, path_of(post, "*")).body == whole.body
    assert found(http, path_of(post, "*")).header("ETag") == whole.header("ETag")
    head = http.request("HEAD", path_of(post, "id"))
    assert (head.status, head.body) == (200, b"")
    assert head.header("Content-Length") == str(len(found(http, path_of(post, "id")).body))


def test_one_entry_serves_every_selection(http, post):
    found(http, path_of(post))
    for names in ("id", "title", "author,content", "created_at"):
        answer = found(http, path_of(post, names))
        assert answer.tier == "l1"
        assert list(answer.json()) == sorted(answer.json(), key=list(post).index)
        assert answer.json() == {name: post[name] for name in names.split(",")}


def test_the_tag_is_of_the_selection(http, post):
    tags = {n: found(http, path_of(post, n)).header("ETag") for n in ("id", "title", "*")}
    assert len(set(tags.values())) == 3
    for name, tag in tags.items():
        for other in tags:
            answer = get(http, path_of(post, other), If_None_Match=tag)
            assert answer.status == (304 if other == name else 200)
            answer = get(http, path_of(post, other), If_Match=tag)
            assert answer.status == (200 if other == name else 412)
    # Another member changes: the part is the same, and so is its tag.
    patch(http, path_of(post), {"content": "another"})
    assert get(http, path_of(post, "title"), If_None_Match=tags["title"]).status == 304
    assert get(http, path_of(post), If_None_Match=tags["*"]).status == 200
    patch(http, path_of(post), {"title": "another"})
    assert found(http, path_of(post, "title")).json() == {"title": "another"}
    # It is no condition of a write.
    tag = found(http, path_of(post, "title")).header("ETag")
    headers = {"Content-Type": "application/merge-patch+json", **WAIT, "If-Match": tag}
    answer = http.request("PATCH", path_of(post), b'{"title":"x"}', headers)
    assert answer.status in (412, 422), answer


BAD = ["", "nothing", "id,", ",id", "id,,title", "id, title", "Id", "version", "id:key", "*,id"]


@pytest.mark.parametrize("names", BAD)
def test_what_is_no_selection(http, post, names):
    for path in (path_of(post) + "?select=" + names.replace(" ", "%20"),
                 "/v1/posts?select=" + names.replace(" ", "%20")):  # fmt: skip
        answer = get(http, path)
        assert (answer.status, answer.problem) == (400, "invalid-filter"), answer
        assert answer.json()["parameter"] == "select"


def test_other_parameters_are_refused(http, post):
    for query, parameter in (
        ("x=1", "x"), ("select=id&x=1", "x"), ("select=id&select=id", "select"),
        ("select=%zz", "select"), ("limit=1", "limit"),
    ):  # fmt: skip
        answer = get(http, f"{path_of(post)}?{query}")
        assert (answer.status, answer.problem) == (400, "invalid-filter"), answer
        assert answer.json()["parameter"] == parameter
    answer = get(http, "/v1/posts?select=id&select=id")
    assert (answer.status, answer.json()["parameter"]) == (400, "select")
    answer = get(http, "/posts?select=id")
    assert (answer.status, answer.json()["parameter"]) == (400, "select")
    assert get(http, path_of({"id": 1 << 40}, "id")).status == 404


def test_lists(world, http, api):
    for i in range(6):
        create(http, "posts", {"title": f"list {i}", "content": "x" * 500, "author": "lists"})
    path = "/v1/posts?author=eq.lists&order=title&limit=4"
    whole = found(http, path)
    replica_caught_up(world)
    with Moved(api) as moved:
        part = found(http, path + "&select=author,title")
        again = found(http, path + "&select=title,author")
    assert again.tier == "l1" and again.body == part.body and moved[QUERIES] == 1
    assert part.json() == [
        {"title": d["title"], "author": d["author"]} for d in whole.json()
    ]
    other = found(http, path + "&select=title")
    assert other.json() == [{"title": d["title"]} for d in whole.json()]
    tags = [a.header("ETag") for a in (whole, part, other)]
    assert len(set(tags)) == 3
    assert get(http, path + "&select=title", If_None_Match=tags[1]).status == 200
    assert get(http, path + "&select=title", If_None_Match=tags[2]).status == 304
    assert found(http, path + "&select=*").body == whole.body
    # The next page has the same selection; a cursor may be used with another.
    following = re.match("<([^>]*)>", part.header("Link"))[1]
    assert [list(d) for d in found(http, following).json()] == [["title", "author"]] * 2
    bare = re.match("<([^>]*)>", whole.header("Link"))[1]
    assert found(http, bare + "&select=title").json() == [
        {"title": "list 4"}, {"title": "list 5"},
    ]  # fmt: skip


def test_the_selection_of_every_type(http):
    document = {"text": "t", "code": None, "tree": {"a": [1, {"b": None}]}, "part": 2.50, "step": 0.25}
    key = create(http, "samples", document)["key"]
    whole = found(http, key_path(key, "samples")).json()
    for name in whole:
        part = found(http, f"{key_path(key, 'samples')}?select={name}")
        assert part.json() == {name: whole[name]}
        page = found(http, f"/v1/samples?sample_id=eq.{key}&select={name}")
        assert page.body == b"[" + part.body + b"]"
