"""/ and /docs: pages that load nothing from elsewhere, and may not."""

import base64
import gzip
import hashlib
import os
import pathlib
import re

import pytest

FILES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
KEPT = "public, max-age=31536000, immutable"


@pytest.fixture
def with_page(special_api, tmp_path):
    (tmp_path / "swagger-ui-bundle.js").write_text("function SwaggerUIBundle() {}")
    (tmp_path / "swagger-ui.css").write_text("body { margin: 0 }" * 100)
    return special_api({"docs.dir": tmp_path}).http


def page(http, path):
    answer = http.request("GET", path)
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    return answer, answer.body.decode()


def assets(text):
    """The folder of the files that a page names, which has a version."""
    (folder,) = set(re.findall(r'"(/assets/[0-9a-f]{16}/)[\w.-]+"', text))
    assert "/@/" not in text
    return folder


def policy(answer):
    parts = answer.header("Content-Security-Policy").split(";")
    return {p.split()[0]: p.split()[1:] for p in parts}


def hashes(text, element):
    """Of the contents of its elements that have no attributes."""
    return [
        f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
        for inside in re.findall(f"<{element}>(.*?)</{element}>", text, re.S)
    ]


def is_closed(answer, text):
    """Nothing comes from elsewhere, and what is in the page may run."""
    rules = policy(answer)
    assert rules["default-src"] == ["'none'"]
    assert rules["frame-ancestors"] == rules["base-uri"] == ["'none'"]
    assert "unsafe" not in answer.header("Content-Security-Policy")
    for source, element in ("script-src", "script"), ("style-src", "style"):
        found = hashes(text, element)
        allowed = [r for r in rules[source] if r not in ("'self'", "'none'")]
        assert allowed == found, (source, text)
    links = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert all(re.match(r"/(?!/)|#|data:,$", link) for link in links), links


def test_the_console(http):
    answer, text = page(http, "/")
    is_closed(answer, text)
    rules = policy(answer)
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == ["'self'"]
    assert not re.search(r"<script>|<style>|\son\w+=|style=", text)


def test_the_files_of_the_console(http):
    """All that it loads is there, makes no markup of texts, and is asked for once."""
    folder = assets(page(http, "/")[1])
    seen, wanted = set(), {"main.js", "console.css"}
    while wanted - seen:
        name = (wanted - seen).pop()
        seen.add(name)
        answer = http.request("GET", folder + name)
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        assert (answer.status, answer.header("Content-Type")) == (200, f"{kind}; charset=utf-8")
        assert answer.header("Cache-Control") == KEPT
        again = http.request("GET", folder + name, headers={"If-None-Match": answer.header("ETag")})
        assert (again.status, again.header("Cache-Control")) == (304, KEPT)
        script = answer.body.decode()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function", script)
        wanted |= set(re.findall(r'from "\./([\w.]+)"', script))
        if name == "main.js":  # it imports a page when it is shown
            wanted |= {f"{page}.js" for page in re.findall(r'\["(\w+)", "[A-Z]', script)} | {"document.js"}
    assert {"overview.js", "document.js", "rejections.js"} <= seen
    missing = http.request("GET", folder + "nothing.js")
    assert (missing.status, missing.problem) == (404, "not-found")


def test_a_file_of_another_version_is_revalidated(http):
    """A page of another release gets this one's file, but must not keep it."""
    ours = http.request("GET", assets(page(http, "/")[1]) + "main.js")
    for version in ("0123456789abcdef", "current", "0"):
        answer = http.request("GET", f"/assets/{version}/main.js")
        assert (answer.status, answer.body) == (200, ours.body)
        assert answer.headers.get_all("Cache-Control") == ["no-cache"]
        again = http.request(
            "GET", f"/assets/{version}/main.js", headers={"If-None-Match": ours.header("ETag")}
        )
        assert (again.status, again.headers.get_all("Cache-Control")) == (304, ["no-cache"])


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "main.js", "console.css"])
def test_it_is_sent_compressed(http, path):
    """To who takes that; each encoding has a tag of its own."""
    url = path if path[0] == "/" else assets(page(http, "/")[1]) + path

    def get(coding, **headers):
        return http.request("GET", url, headers={"Accept-Encoding": coding, **headers})

    plain, packed = get("identity"), get("br;q=1, gzip;q=0.8")
    assert packed.header("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < 0.7 * len(plain.body)
    for answer in plain, packed:
        assert answer.header("Vary") == "Accept-Encoding"
    assert plain.header("Content-Encoding") is None and get("gzip;q=0").body == plain.body
    assert plain.header("ETag") != packed.header("ETag")
    tag = packed.header("ETag")
    same = get("gzip", **{"If-None-Match": tag})
    assert (same.status, same.body, same.header("ETag")) == (304, b"", tag)
    assert same.header("Vary") == "Accept-Encoding"
    assert get("identity", **{"If-None-Match": tag}).status == 200
    for name in ("Content-Type", "Content-Security-Policy", "Cache-Control"):
        assert plain.header(name) == packed.header(name), name
    head = http.request("HEAD", url, headers={"Accept-Encoding": "gzip"})
    assert int(head.header("Content-Length")) == len(packed.body)


def test_docs_without_the_package(http):
    answer, text = page(http, "/docs")
    is_closed(answer, text)
    assert 'href="/openapi.json"' in text and "docs.dir" in text
    for name in FILES:
        assert http.request("GET", f"/assets/current/{name}").problem == "not-found"


def test_docs_with_the_package(with_page):
    answer, text = page(with_page, "/docs")
    is_closed(answer, text)
    assert policy(answer)["script-src"][0] == "'self'"
    assert answer.header("Cache-Control") == "no-cache"
    folder = assets(text)
    for name, media in FILES.items():
        assert f'"{folder}{name}"' in text
        file = with_page.request("GET", folder + name)
        assert (file.status, file.header("Content-Type")) == (200, media)
        assert file.header("X-Content-Type-Options") == "nosniff"
        assert file.header("Cache-Control") == KEPT
        again = with_page.request("GET", folder + name, headers={"If-None-Match": file.header("ETag")})
        assert again.status == 304


def test_other_files_have_another_version(with_page, http):
    assert assets(page(with_page, "/")[1]) == assets(page(with_page, "/docs")[1])
    assert assets(page(with_page, "/")[1]) != assets(page(http, "/")[1])


def test_docs_with_half_of_the_package(special_api, tmp_path):
    (tmp_path / "swagger-ui.css").write_text("body { margin: 0 }")
    api = special_api({"docs.dir": tmp_path})
    assert "is not installed" in page(api.http, "/docs")[1]
    assert "ev=docs.missing" in api.log.read_text()


def test_the_fetched_package(special_api):
    """tests/run fetches it as compose/up does (compose/page)."""
    folder = pathlib.Path(os.environ.get("SLUICE_TEST_PAGE", "."))
    if not (folder / "swagger-ui-bundle.js").exists():
        pytest.skip("Swagger UI could not be fetched")
    http = special_api({"docs.dir": folder}).http
    answer, text = page(http, "/docs")
    is_closed(answer, text)
    for name in FILES:
        packed = http.request("GET", assets(text) + name, headers={"Accept-Encoding": "gzip"}).body
        body = (folder / name).read_bytes()
        assert gzip.decompress(packed) == body and len(packed) < len(body) / 3


def test_pages_have_no_other_methods(http):
    for path in ("/", "/docs", "/openapi.json"):
        answer = http.request("POST", path, b"")
        assert (answer.status, answer.header("Allow")) == (405, "GET, HEAD")
