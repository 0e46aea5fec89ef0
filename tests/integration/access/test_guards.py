"""What guards the listeners besides credentials and rights: pages of other origins,
names, CORS, limits, the token of the admin listeners, the headers of pages."""

import hashlib
import json
import signal

import pytest
from harness import cli
from harness.client import ADMIN, Client
from harness.wait import wait_until

JSON = {"Content-Type": "application/json"}
APP = "https://app.example"
OTHER = "https://other.example"
RECORD = "/v1/records/guarded"
TOKEN = "a-token-of-the-tests-0123456789"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


def refused(answer, status=403, problem="forbidden"):
    assert (answer.status, answer.problem) == (status, problem), answer
    return answer.json()["detail"]


# --- pages of other origins ------------------------------------------------------------

FOREIGN = [
    {"Origin": APP},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
CHANGES = [
    ("POST", "/cache/clear", None),
    ("POST", "/clear-cache", None),
    ("POST", "/write", b'{"key":"guarded","value":"evil"}'),
    ("PUT", RECORD, b'{"value":"evil"}'),
    ("PATCH", RECORD, b'{"value":"evil"}'),
    ("DELETE", RECORD, None),
    ("POST", "/v1/records", b'[{"value":"evil"}]'),
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_page_of_another_origin_changes_nothing(api, http, headers):
    http.put("guarded", "mine", prefer="wait=10")
    before = api.metrics()["sluice_refused_pages_total"]
    for method, path, body in CHANGES:
        detail = refused(http.request(method, path, body, {**JSON, **headers}))
        assert "cors.origins" in detail
    assert http.get("guarded").json()["value"] == "mine"
    assert http.request("GET", RECORD, headers=headers).status == 200
    assert api.metrics()["sluice_refused_pages_total"] == before + len(CHANGES)
    assert "ev=audit.refused" in api.text() and "why=origin" in api.text()


def test_own_pages_may(http):
    own = {**JSON, "Origin": f"http://127.0.0.1:{http.port}", "Sec-Fetch-Site": "same-origin"}
    answer = http.request("PUT", RECORD, b'{"value":"own"}', {**own, "Prefer": "wait=10"})
    assert answer.status in (200, 201), answer


# --- names -----------------------------------------------------------------------------


def names(http, *hosts):
    return [http.request("GET", "/v1", headers={"Host": h}).status for h in hosts]


def test_a_loopback_listener_has_no_other_names(http):
    assert names(http, "localhost", "LOCALHOST:1", "10.1.2.3", "[::1]:80") == [200] * 4
    assert names(http, "evil.example", "localhost.evil.example", "api") == [403] * 3
    answer = http.request("GET", "/v1", headers={"Host": "evil.example"})
    assert "http.hosts" in refused(answer)


def test_names_that_are_set(special_api):
    http = special_api({"http.hosts": "api.example, sluice"}).http
    assert names(http, "api.example", "SLUICE:8080", "localhost") == [200] * 3
    assert names(http, "evil.example", "api") == [403] * 2


def test_any_name_if_callers_say_who_they_are(special_api):
    http = special_api({"auth.mode": "required", "access.docs": "anonymous"}).http
    assert names(http, "evil.example", "localhost") == [200] * 2


@pytest.mark.parametrize(
    "setting", ["http.hosts=http://a", "cors.origins=app.example", "cors.origins=null", "cors.origins=*, http://a"]
)
def test_settings_that_are_malformed(servers, setting):
    done = cli.run(servers, "api", "--check-config", f"--{setting}")
    assert done.returncode == 2 and setting.split("=")[0] in done.stderr, done.stderr


# --- CORS ------------------------------------------------------------------------------


def cors(answer):
    return {
        name.lower(): value
        for name, value in answer.headers.items()
        if name.lower().startswith("access-control-")
    }


def preflight(http, origin, path=RECORD, method="PUT"):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,if-match",
    }
    return http.request("OPTIONS", path, headers=headers)


def test_options(http):
    answer = http.request("OPTIONS", RECORD)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("Allow") == "GET, HEAD, PUT, PATCH, DELETE"
    assert not cors(answer)
    assert http.request("OPTIONS", "/nothing").status == 404


def test_no_origin_is_allowed_by_default(http):
    answer = preflight(http, APP)
    assert answer.status == 204 and not cors(answer)
    assert not cors(http.request("GET", "/v1", headers={"Origin": APP}))


def test_origins_that_are_listed(special_api):
    http = special_api({"cors.origins": f"http://localhost:3000, {APP}"}).http
    answer = preflight(http, APP)
    found = cors(answer)
    assert answer.status == 204
    assert found["access-control-allow-origin"] == APP
    assert found["access-control-allow-credentials"] == "true"
    assert set(found["access-control-allow-methods"].split(", ")) >= {"PUT", "DELETE"}
    assert {"Authorization", "If-Match"} <= set(found["access-control-allow-headers"].split(", "))
    assert int(found["access-control-max-age"]) > 0
    assert answer.header("Vary") == "Origin"
    assert not cors(preflight(http, OTHER))
    # It may change something, and read what it changed.
    headers = {**JSON, "Origin": APP, "Sec-Fetch-Site": "cross-site", "Prefer": "wait=10"}
    assert http.request("PUT", RECORD, b'{"value":"app"}', headers).status in (200, 201)
    refused(http.request("PUT", RECORD, b'{"value":"x"}', {**headers, "Origin": OTHER}))


def test_answers_of_the_memory_cache(special_api):
    """The ready-made answer has the headers of no origin."""
    http = special_api({"cors.origins": APP}).http
    http.put("guarded", "cached", prefer="wait=10")
    wait_until(lambda: http.get("guarded").tier == "l1", 10, "it is in memory")
    for path in (RECORD, "/openapi.json", "/"):
        for _ in range(2):
            named = http.request("GET", path, headers={"Origin": APP})
            assert cors(named)["access-control-allow-origin"] == APP
            assert "ETag" in cors(named)["access-control-expose-headers"]
            for headers in ({}, {"Origin": OTHER}):
                other = http.request("GET", path, headers=headers)
                assert not cors(other) and "Origin" in other.headers.get_all("Vary")
                assert other.body == named.body
    missing = http.request("GET", "/v1/records/absent", headers={"Origin": APP})
    assert missing.status == 404 and cors(missing)


def test_every_origin(special_api):
    http = special_api({"cors.origins": "*"}).http
    http.put("guarded", "cached", prefer="wait=10")
    wait_until(lambda: http.get("guarded").tier == "l1", 10, "it is in memory")
    for headers in ({}, {"Origin": APP}, {"Origin": "null"}):
        for path in (RECORD, "/v1", "/openapi.json", "/nothing"):
            found = cors(http.request("GET", path, headers=headers))
            assert found["access-control-allow-origin"] == "*", path
            assert "access-control-allow-credentials" not in found
    assert cors(preflight(http, APP))["access-control-allow-methods"]
    answer = http.request("POST", "/cache/clear", headers={"Origin": APP})
    assert answer.status == 200


# --- limits ----------------------------------------------------------------------------

SECRETS = {name: f"slk_{name}_" + "A" * 43 for name in ("slow", "fast", "both")}


def keys(folder):
    """A file of keys; the roles are those of the settings access.*."""
    roles = {"slow": ["slow"], "fast": ["fast"], "both": ["slow", "fast"]}
    file = folder / "keys.json"
    file.write_text(
        json.dumps(
            {
                "keys": [
                    {"id": name, "sha256": hashlib.sha256(key.encode()).hexdigest(), "roles": roles[name]}
                    for name, key in SECRETS.items()
                ]
            }
        )
    )
    return file


def ask(http, key=None, path="/v1"):
    headers = {"X-API-Key": SECRETS[key]} if key else {}
    return http.request("GET", path, headers=headers)


def test_a_limit_of_each_address(special_api):
    http = special_api({"limit.anonymous": "1/h burst 3", "http.threads": 1}).http
    assert [ask(http).status for _ in range(3)] == [200] * 3
    answer = ask(http)
    detail = refused(answer, 429, "rate-limited")
    assert "limit.anonymous" in detail
    assert 3000 < int(answer.header("Retry-After")) <= 3600
    assert answer.header("RateLimit-Policy") == '"anonymous";q=1;w=3600'
    assert answer.header("RateLimit").startswith('"anonymous";r=0;t=')
    assert ask(http, path="/health").status in (200, 503)
    # Nothing of a body is read.
    answer = http.request("PUT", RECORD, b'{"value":"x"}', JSON)
    refused(answer, 429, "rate-limited")


def test_limits_of_roles(special_api, tmp_path):
    api = special_api(
        {
            "auth.keys": keys(tmp_path),
            "access.docs": "slow, fast",
            "limit.slow": "1/h burst 2",
            "limit.fast": "1/h burst 4",
            "http.threads": 1,
        }
    )
    assert [ask(api.http, "slow").status for _ in range(3)] == [200, 200, 429]
    assert [ask(api.http, "fast").status for _ in range(5)] == [200] * 4 + [429]
    assert [ask(api.http, "both").status for _ in range(5)] == [200] * 4 + [429]
    assert ask(api.http).status == 401
    assert api.metrics()["sluice_rate_limited_total"] == 3
    assert "why=limit" in api.text()


def test_a_limit_without_headers(special_api):
    http = special_api({"limit.anonymous": "1000/s", "limit.headers": "off"}).http
    assert ask(http).header("RateLimit") is None
    http = special_api({"limit.anonymous": "1000/s"}).http
    assert ask(http).header("RateLimit-Policy") == '"anonymous";q=1000;w=1'


@pytest.mark.parametrize(
    "setting, words",
    [
        ("limit.nobody=1/s", "grants anything to the role nobody"),
        ("limit.anonymous=fast", "has the bad value 'fast'"),
        ("limit.anonymous=1/h burst 25", "full again within a day"),
    ],
)
def test_limits_that_are_refused(servers, setting, words):
    done = cli.run(servers, "api", "--check-config", f"--{setting}")
    assert done.returncode == 2 and words in done.stderr, done.stderr


# --- the token of the admin listeners --------------------------------------------------


@pytest.fixture
def with_token(special_api, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    api = special_api({"admin.token.file": file})
    api.token_file = file
    return api


def test_what_needs_the_token(with_token):
    plain = Client(with_token.admin.port, timeout=10)
    for path in ("/livez", "/readyz", "/metrics"):
        assert plain.request("GET", path).status == 200
    for path in ("/stats", "/config", "/inspect/records/a", "/nothing"):
        answer = plain.request("GET", path)
        refused(answer, 401, "unauthenticated")
        assert answer.header("WWW-Authenticate").startswith("Bearer ")
    refused(plain.request("DELETE", "/cache", headers=ADMIN), 401, "unauthenticated")
    for headers in ({"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}):
        assert plain.request("GET", "/config", headers=headers).status == 401
    answer = plain.request("GET", "/config", headers=SHOWN)
    assert answer.status == 200 and answer.json()["admin.token"] == "***"
    assert TOKEN.encode() not in answer.body
    assert plain.request("DELETE", "/cache", headers={**ADMIN, **SHOWN}).status == 200
    assert "ev=audit.acted" in with_token.text() and "kind=admin.token" in with_token.text()
    assert TOKEN not in with_token.text()


def test_the_token_is_read_again(with_token):
    plain = Client(with_token.admin.port, timeout=10)
    second = TOKEN[::-1]
    with_token.token_file.write_text(second)
    with_token.signal(signal.SIGHUP)
    new = {"Authorization": f"Bearer {second}"}
    wait_until(lambda: plain.request("GET", "/stats", headers=new).status == 200, 10, "it is read")
    assert plain.request("GET", "/stats", headers=SHOWN).status == 401


def test_metrics_may_need_it_too(special_api):
    api = special_api({"admin.token": TOKEN, "admin.metrics": "token"})
    plain = Client(api.admin.port, timeout=10)
    assert plain.request("GET", "/metrics").status == 401
    assert plain.request("GET", "/metrics", headers=SHOWN).status == 200
    assert plain.request("GET", "/readyz").status == 200


@pytest.mark.parametrize("kind", cli.KINDS)
def test_an_address_that_others_reach_needs_the_token(servers, kind):
    done = cli.run(servers, kind, "--check-config", "--admin.listen=0.0.0.0:0")
    assert done.returncode == 2 and "set admin.token" in done.stderr, done.stderr
    done = cli.run(servers, kind, "--check-config", "--admin.listen=0.0.0.0:0", f"--admin.token={TOKEN}")
    assert done.returncode == 0, done.stderr
    done = cli.run(servers, kind, "--check-config", "--admin.token=short-secret")
    assert done.returncode == 2 and "short-secret" not in done.stderr, done.stderr


# --- pages -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_headers_of_pages(http, path):
    answer = http.request("GET", path)
    policy = answer.header("Content-Security-Policy")
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("Referrer-Policy") == "no-referrer"
