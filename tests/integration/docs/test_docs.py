"""/docs: "Execute" works at the first click, on a stack that is fresh.

The first test sends what Swagger UI fills in. The others click, in a real browser.
"""

import json
import os
import pathlib

import pytest
from harness import history
from harness.browser import CHROMIUM, Browser, Page
from harness.servers import ROOT

PACKAGE = pathlib.Path(os.environ.get("SLUICE_TEST_PAGE", "."))
PICTURES = ROOT / "build/pictures"
HAS_PACKAGE = (PACKAGE / "swagger-ui-bundle.js").exists()
in_a_browser = pytest.mark.skipif(
    not (CHROMIUM and HAS_PACKAGE), reason="there is no Chromium, or no Swagger UI"
)

# What is not a success, and why it cannot be one.
EXCEPTIONS = {
    # No write was rejected.
    ("post", "/rejections/{position}/requeue"): 404,
    ("delete", "/rejections/{position}"): 404,
}
# The stream does not end: test_a_change_feed_is_shown.
ENDLESS = "/_changes"


@pytest.fixture(scope="module")
def fresh(module_deployment):
    world = module_deployment
    writer = world.daemon("writer")
    world.daemon("projector")
    settings = {"writer.admin": f"127.0.0.1:{writer.admin.port}"}
    world.daemon("api", {**settings, **({"docs.dir": PACKAGE} if HAS_PACKAGE else {})})
    for daemon in world.daemons:
        daemon.start(ready=False)
    for daemon in world.daemons:
        daemon.wait_ready()
    return world


@pytest.fixture(scope="module")
def http(fresh):
    return fresh.of("api")[0].http


def resolved(document, node):
    while "$ref" in node:
        _, kinds, kind, name = node["$ref"].split("/")
        node = document[kinds][kind][name]
    return node


def filled_in(document, path, operation):
    """The requests that the page makes of an operation: its URL, headers and bodies.

    Swagger UI fills in `example` of a parameter, and `example` or `default` of its
    schema. Of a body it takes `example`, or `examples` of the schema.
    """
    url, query, headers = path, [], {}
    for parameter in operation["parameters"]:
        parameter = resolved(document, parameter)
        at = resolved(document, parameter["schema"])
        value = parameter.get("example", at.get("example", at.get("default")))
        if parameter["in"] == "path":
            url = url.replace(f"{{{parameter['name']}}}", str(value))
        elif value is not None and parameter["in"] == "query":
            query.append(f"{parameter['name']}={value}")
        elif value is not None:
            headers[parameter["name"]] = str(value)
    url += "?" * bool(query) + "&".join(query)
    bodies = operation.get("requestBody", {}).get("content", {})
    if not bodies:
        yield url, headers, None
    for media, body in bodies.items():
        example = body.get("example", resolved(document, body["schema"]).get("examples", [None])[0])
        assert example is not None, (path, media)
        text = example if isinstance(example, str) else json.dumps(example)
        yield url, {**headers, "Content-Type": media}, text.encode()


def operations(document, *methods):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in methods:
                yield method, path, operation


def test_every_operation_works_at_the_first_click(fresh, http):
    """Rows are made before they are changed, read, and deleted."""
    document = http.page("/openapi.json")
    sent = set()

    def click(method, path, operation):
        expected = EXCEPTIONS.get((method, path))
        for url, headers, body in filled_in(document, path, operation):
            answer = http.request(method.upper(), url, body, headers)
            assert str(answer.status) in operation["responses"], (method, url, answer)
            good = answer.status == expected if expected else 200 <= answer.status < 300
            assert good, (method, url, headers, body, answer)
        sent.add((method, path))

    for methods in (["post", "put"], ["patch"], ["get"]):
        for each in operations(document, *methods):
            if not each[1].endswith(ENDLESS):
                click(*each)
        history.settle(fresh)
    rows = [each for each in operations(document, "put") if each[1].startswith("/v1/")]
    for native in True, False:  # the routes of the reference systems have the same rows
        for each in operations(document, "delete"):
            if each[1].startswith("/v1/") == native:
                click(*each)
        for each in rows:
            click(*each)
        history.settle(fresh)
    endless = {(m, p) for m, p, _ in operations(document, "get") if p.endswith(ENDLESS)}
    assert sent | endless == {(m, p) for p, item in document["paths"].items() for m in item}
    assert set(EXCEPTIONS) < sent


# --- in a browser -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(fresh, tmp_path_factory):
    """It complains of nothing, and asks no other host."""
    browser = Browser(tmp_path_factory.mktemp("profile"))
    made = Page(browser, f"http://127.0.0.1:{fresh.of('api')[0].http.port}")
    made.look(dark=True)
    made.open("/docs")
    yield made
    events = made.take_events()
    browser.close()
    assert made.complaints(events) == []
    asked = made.asked(events)
    assert len(asked) > 4
    assert [u for u in asked if not u.startswith((made.base, "data:", "about:"))] == []


def execute(page, tag, operation):
    """Expands an operation and clicks on Execute; the text of the answer."""
    block = f"#operations-{tag}-{operation}"
    page.click(f"#operations-tag-{tag}")
    page.click(f"{block} .opblock-summary-control")
    page.click(f"{block} button.execute")
    answer = f"{block} .live-responses-table"
    page.wait(f"document.querySelector('{answer} .response-col_status')")
    said = page.text(answer)
    page.click(f"#operations-tag-{tag}")
    return said


@in_a_browser
def test_a_click_is_answered(page):
    """Also of lines, which are filled in as a JSON string."""
    said = execute(page, "records", "records_bulk")
    assert "202" in said and '"user:1"' in said, said


@in_a_browser
def test_a_change_feed_is_shown(page):
    """Its begin: it has no end."""
    said = execute(page, "records", "records_changes")
    assert "200" in said and "text/event-stream" in said, said


@in_a_browser
def test_it_has_the_colors_of_the_browser(page):
    filters = "getComputedStyle(document.querySelector('#page')).filter"
    page.picture(PICTURES / "docs-dark.png")
    assert page.run(filters) == "invert(0.9) hue-rotate(180deg)"
    page.look()
    assert page.run(filters) == "none"
