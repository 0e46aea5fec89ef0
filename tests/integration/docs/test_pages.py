"""/ and /docs: pages that load nothing from elsewhere, and may not."""

import base64
import hashlib
import os
import pathlib
import re

import pytest

FILES = {
    "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui.css": "text/css; charset=utf-8",
}


@pytest.fixture
def with_page(special_api, tmp_path):
    (tmp_path / "swagger-ui-bundle.js").write_text("function SwaggerUIBundle() {}")
    (tmp_path / "swagger-ui.css").write_text("body { margin: 0 }")
    return special_api({"docs.dir": tmp_path}).http


def page(http, path):
    answer = http.request("GET", path)
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    return answer, answer.body.decode()


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
    seen, wanted = set(), {"main.js", "console.css"}
    while wanted - seen:
        name = (wanted - seen).pop()
        seen.add(name)
        answer = http.request("GET", f"/console/{name}")
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        assert (answer.status, answer.header("Content-Type")) == (200, f"{kind}; charset=utf-8")
        again = http.request("GET", f"/console/{name}", headers={"If-None-Match": answer.header("ETag")})
        assert again.status == 304
        script = answer.body.decode()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function", script)
        wanted |= set(re.findall(r'from "\./([\w.]+)"', script))
        if name == "main.js":  # it imports a page when it is shown
            wanted |= {f"{page}.js" for page in re.findall(r'\["(\w+)", "[A-Z]', script)} | {"document.js"}
    assert {"overview.js", "document.js", "rejections.js"} <= seen
    missing = http.request("GET", "/console/nothing.js")
    assert (missing.status, missing.problem) == (404, "not-found")


def test_docs_without_the_package(http):
    answer, text = page(http, "/docs")
    is_closed(answer, text)
    assert 'href="/openapi.json"' in text and "docs.dir" in text
    for path in FILES:
        assert http.request("GET", path).problem == "not-found"


def test_docs_with_the_package(with_page):
    answer, text = page(with_page, "/docs")
    is_closed(answer, text)
    assert policy(answer)["script-src"][0] == "'self'"
    for path, media in FILES.items():
        assert f'"{path}"' in text
        file = with_page.request("GET", path)
        assert (file.status, file.header("Content-Type")) == (200, media)
        assert file.header("X-Content-Type-Options") == "nosniff"
        again = with_page.request("GET", path, headers={"If-None-Match": file.header("ETag")})
        assert again.status == 304


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
    is_closed(*page(http, "/docs"))
    for path in FILES:
        body = http.request("GET", path).body
        assert body == (folder / path.rsplit("/", 1)[1]).read_bytes()
    assert b"SwaggerUIBundle" in http.request("GET", "/docs/swagger-ui-bundle.js").body


def test_pages_have_no_other_methods(http):
    for path in ("/", "/docs", "/openapi.json"):
        answer = http.request("POST", path, b"")
        assert (answer.status, answer.header("Allow")) == (405, "GET, HEAD")
