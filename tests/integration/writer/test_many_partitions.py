"""A log of many partitions, whose positions are as long as they get: what names one of
each is a long header, of an answer and then of a request."""

import pytest
from harness.bulk import post_lines
from harness.client import key_path

PARTITIONS = 64
EPOCH = 32767  # the last there is
ROOM = 11 * 1024 + 32 * PARTITIONS  # of a request's headers
SMALL = 1024  # what a request of ours has without the cookie, at most


@pytest.fixture(scope="module")
def wide(module_deploy, servers):
    deployment = module_deploy(servers, partitions=PARTITIONS)
    deployment.sql("UPDATE sluice.log SET epoch = %s", EPOCH)
    deployment.sql("UPDATE sluice.progress SET next_offset = %s::bigint << 48", EPOCH)
    deployment.start_all(apis=2)
    return deployment


@pytest.mark.parametrize("size", [0, 10_000, ROOM - SMALL])
def test_what_is_taken_is_answered(wide, size):
    """Whatever else is in the headers of the request."""
    one, two = (api.http for api in wide.of("api"))
    cookie = "x" * size
    items = [{"key": f"wide {i}", "value": str(i)} for i in range(20 * PARTITIONS)]
    answer = post_lines(one, "records", items, "wait=20", Cookie=cookie)
    assert answer.status == 200, answer
    places = answer.position.split(", ")
    assert len(places) == PARTITIONS and len(answer.position) > 20 * PARTITIONS
    after = {"Sluice-Read-After": answer.position, "Cookie": cookie[len(answer.position) :]}
    found = two.request("GET", key_path("wide 7"), headers=after)
    assert found.status == 200 and found.json()["value"] == "7", found


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_headers_that_leave_no_room(wide, method):
    """It is said, and nothing is done."""
    api, path = wide.of("api")[0], key_path("nobody")
    body = b'{"value":"x"}' if method != "DELETE" else None
    headers = {"Cookie": "x" * (ROOM + 100), "Content-Type": "application/json"}
    ends = wide.ends()
    answer = api.http.request(method, path, body, headers)
    assert (answer.status, answer.problem) == (431, "headers-too-large"), answer
    assert wide.ends() == ends
