"""The console in a real browser: each page, each form, each error that a person meets.

One Sluice and one browser for all tests. After each test the browser has asked no other
host, and its console has no error. Each page, dialog and error is looked at in each look:
it has no fault that axe-core finds, fits into 320 px, and leaves a picture (docs/console.md).
"""

import json
import os
import pathlib
import random
import time
from urllib.parse import quote, urlsplit

import pytest
from harness.browser import CHROMIUM, Browser, Page
from harness.callers import new_key
from harness.client import Client
from harness.proxy import Proxy
from harness.replica import replay_paused
from harness.servers import ROOT, at_port
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")

PICTURES = ROOT / "build/pictures"
AXE = pathlib.Path(os.environ.get("SLUICE_TEST_OIDC", ".")) / "node_modules/axe-core/axe.min.js"
PLOTS = pathlib.Path(os.environ.get("SLUICE_TEST_PAGE", "."))
ALL = ["read", "list", "export", "changes", "create", "update", "delete", "bulk"]
MARKUP = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"


def declared(name, **more):
    declaration = json.loads((ROOT / f"common/collections/{name}.json").read_text())
    access = {"editor": ALL, "reader": ["read", "list"], "slow": ["read", "list"]}
    return {**declaration, "access": access, **more}


class Stack:
    """An API that asks for keys, its Redis behind a proxy."""

    def __init__(self, servers, deployment, folder):
        self.deployment = deployment
        self.redis = Proxy(servers.ports.take(), urlsplit(servers.redis_url).port)
        self.keys = {}
        entries = []
        for name, roles in {
            "everything": ["editor", "operator"],
            "reader": ["reader"],
            "slow": ["slow"],
        }.items():
            self.keys[name], entry = new_key(name, roles)
            entries.append(entry)
        keys = folder / "keys.json"
        keys.write_text(json.dumps({"keys": entries}))
        writer, projector = deployment.daemon("writer"), deployment.daemon("projector")
        self.api = deployment.daemon("api", {
            "auth.keys": keys, "limit.slow": "6/h", "writer.admin": f"127.0.0.1:{writer.admin.port}",
            "redis.url": at_port(servers.redis_url, self.redis.port),
            **({"docs.dir": PLOTS} if (PLOTS / "uPlot.iife.min.js").exists() else {}),
        })  # fmt: skip
        self.daemons = [writer, projector, self.api]
        for daemon in self.daemons:
            daemon.start(ready=False)
        for daemon in self.daemons:
            daemon.wait_ready()
        self.connect()
        self.base = f"http://127.0.0.1:{self.api.http.port}"

    def connect(self):
        bearer = {"Authorization": f"Bearer {self.keys['everything']}"}
        self.http = Client(self.api.http.port, always=bearer)

    def start(self):
        """The API, after a stop."""
        self.api.start()
        self.connect()

    def write(self, method, path, document=None, **headers):
        headers = {"Content-Type": "application/json", "Prefer": "wait=20", **headers}
        body = None if document is None else json.dumps(document).encode()
        answer = self.http.request(method, path, body, headers)
        assert answer.status in (200, 201, 204), answer
        return answer

    def product(self, name="Lamp", **more):
        """The key of a new one."""
        made = {"name": name, "price": 9.5, "category": "Home", **more}
        return self.write("POST", "/v1/products", made).json()["key"]


@pytest.fixture(scope="module")
def stack(servers, module_deploy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    declarations = folder / "collections"
    declarations.mkdir()
    empties = {"name": "empties", "key": {"type": "string"}, "fields": {"text": {"type": "string"}},
               "required": ["text"], "access": {"editor": ALL}}  # fmt: skip
    unique = {"name": "codes", "key": {"type": "string"}, "required": ["code"],
              "fields": {"code": {"type": "string", "maxLength": 20}, "more": {"type": "object", "nullable": True},
                         "n": {"type": "integer", "nullable": True}},
              "unique": [["code"]], "access": {"editor": ALL}}  # fmt: skip
    seats = {"name": "seats", "key": ["room", "row"], "access": {"editor": ALL},
             "fields": {"room": {"type": "string", "maxLength": 20}, "text": {"type": "string", "nullable": True},
                        "row": {"type": "integer"}}}  # fmt: skip
    for each in declared("products"), declared("records"), empties, unique, seats:
        (declarations / f"{each['name']}.json").write_text(json.dumps(each))
    made = Stack(servers, module_deploy(servers, collections=declarations), folder)
    yield made
    made.redis.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def console(stack, browser):
    made = Console(browser, stack.base)
    made.look()
    made.open("/")
    made.sign_in(stack.keys["everything"])
    return made


LOOKS = {"light": {}, "dark": {"dark": True}, "mobile": {"width": 320, "height": 640}}


class Console(Page):
    def in_every_look(self, name, again=lambda: None):
        """What is there now; `again` shows it anew in another look."""
        for look, how in LOOKS.items():
            self.look(**how)
            again()
            assert self.run("document.documentElement.scrollWidth <= innerWidth"), look
            self.accessible(f"{name}-{look}")
            self.picture(PICTURES / f"{name}-{look}.png")
        self.look()

    def accessible(self, name):
        """By axe-core. Its report is beside the pictures."""
        if not AXE.exists():
            return
        self.run("globalThis.axe ? 1 : 0") or self.run(AXE.read_text() + "; 1")
        said = self.run(
            "axe.run(document, {resultTypes: ['violations']}).then(({violations, passes}) => ({passes: passes.length,"
            " violations: violations.map((v) => [v.id, v.help, v.nodes.map((n) => n.html)])}))"
        )
        PICTURES.mkdir(parents=True, exist_ok=True)
        with (PICTURES / "axe.txt").open("a") as report:
            report.write(f"{name}: {said['passes']} rules passed, {len(said['violations'])} violated\n")
        assert said["violations"] == [], name

    def sign_in(self, key):
        self.click("#open-sign-in")
        self.fill("#credential", key)
        self.click("#use-key")
        self.wait("!document.querySelector('#sign-in').open")

    def at(self, place):
        """Shows a place anew."""
        self.run(f"history.replaceState(null, '', {json.dumps(place)})")
        self.run("window.dispatchEvent(new HashChangeEvent('hashchange'))")
        self.wait("document.querySelector('#page h2')", place)

    def confirm(self, action):
        self.wait("document.querySelector('dialog[open]')")
        assert action in self.text("dialog[open]")
        self.click("dialog[open] button.danger")

    def fields(self, **values):
        for name, value in values.items():
            self.fill(f"#field-{name}", value)

    def wrong(self, name):
        return self.wait(f"document.querySelector('#field-{name}-wrong')?.textContent", name)


@pytest.fixture(autouse=True)
def no_complaint(console):
    console.take_events()
    yield
    events = console.take_events()
    assert console.complaints(events) == []
    elsewhere = [u for u in console.asked(events) if not u.startswith((console.base, "data:", "about:"))]
    assert elsewhere == []


# --- the functions of the reference system's page ---------------------------------------


def load(stack, console):
    console.click("#fresh")
    console.wait_text("From the", "#result")
    assert "Lamp" in console.text("#result table")


def cached_load(stack, console):
    console.click("#load")
    console.wait_text("From memory", "#result")
    assert "ms of it in the server" in console.text("#result .source") or "ms." in console.text("#result .source")
    assert "hit; detail=l1" in console.text("#result .source")


def add(stack, console):
    console.at("#/document/products")
    console.fields(name="Desk", price="120.25", category="Home", stock_quantity="3")
    console.click("#save")
    console.wait_text("120.25", "#view")
    key = console.run("location.hash").rsplit("/", 1)[1]
    assert stack.http.page(f"/v1/products/{key}")["stock_quantity"] == 3
    console.key = key


def edit(stack, console):
    console.click("#edit")
    console.fields(price="99.5")
    console.click("#save")
    console.wait_text("Saved.", "#outcome")
    console.wait_text("99.5", "#view")
    assert stack.http.page(f"/v1/products/{console.key}")["price"] == 99.5


def delete(stack, console):
    console.click("#delete")
    console.confirm(f"Delete products {console.key}")
    console.wait_text("Deleted.", "#outcome")
    assert stack.http.request("GET", f"/v1/products/{console.key}").status == 404


def live_statistics(stack, console):
    console.at("#/caches")
    read = "Number(document.querySelector('#cache-stats b').textContent.replaceAll(',', ''))"
    console.wait_text("hits, both tiers", "#cache-stats")
    before = console.run(read)
    for _ in range(5):
        stack.http.page(f"/v1/products/{console.lamp}")
    console.wait(f"{read} >= {before} + 4")


def performance_test(stack, console):
    console.click("#measure")
    console.wait_text("from the database", "#performance")
    assert "Medians of 21 reads" in console.text("#performance")
    console.in_every_look("performance")


def clear(stack, console):
    console.click("#purge")
    console.confirm("Remove everything")
    console.wait_text("Cleared: all.", "#purged")
    answer = stack.http.request("GET", f"/v1/products/{console.lamp}")
    assert answer.tier in ("replica", "primary"), answer


# What the page of the reference system has, and what drives it here, in this order.
REFERENCE = {
    "load products": load,
    "load them from the cache, with source and time": cached_load,
    "add a product": add,
    "edit a product": edit,
    "delete a product": delete,
    "live statistics": live_statistics,
    "performance test": performance_test,
    "clear the cache": clear,
}


def test_what_the_reference_page_has(stack, console):
    console.lamp = stack.product()
    console.at("#/browse/products")
    for drive in REFERENCE.values():
        drive(stack, console)


# --- the pages ----------------------------------------------------------------------------

READY = {
    "overview": ("#/", "healthy"),
    "collections": ("#/browse", "products"),
    "browse": ("#/browse/products?name=eq.Lamp&limit=10", "From"),
    "new": ("#/document/products", "required"),
    "document": ("#/document/products/{key}", "ETag"),
    "key": ("#/key/products/{key}", "All tiers"),
    "changes": ("#/changes/products", "Following products"),
    "rejections": ("#/rejections", "Load again"),
    "caches": ("#/caches", "hit rate"),
}


@pytest.mark.parametrize("name", READY)
def test_a_page_in_every_look(stack, console, name):
    key = stack.product()
    place, text = READY[name]

    def show():
        console.at(place.format(key=key))
        console.wait_text(text)

    console.in_every_look(name, show)


def test_dialogs_in_every_look(stack, console):
    console.at(f"#/document/products/{stack.product()}")
    console.click("#delete")
    console.wait("document.querySelector('dialog[open]')")
    console.in_every_look("confirm")
    console.press("Escape")
    console.wait("!document.querySelector('dialog[open]')")
    console.click("#open-sign-in")
    console.in_every_look("sign-in")
    console.click("#close-sign-in")


# What the overview has a plot of: some words of each plot, and of its lines.
PLOTTED = {
    "requests, by tier": ("Reads, by the tier", "memory", "Redis", "replica", "primary"),
    "latency p50, by route class": ("median", "read", "list", "create", "update", "delete"),
    "latency p99, by route class": ("99 of 100", "read", "list", "create", "update", "delete"),
    "hit ratios": ("Found in a cache", "memory", "Redis"),
    "writes": ("Writes", "accepted", "committed", "rejected"),
    "backlog": ("Writes that wait", "for a commit"),
    "age of the backlog": ("For how long they wait", "partition without a commit"),
    "stages of a write": ("Time of a write, by stage", "in the log", "committed", "heard of"),
    "lag of the projector and of the replica": ("For how long they wait", "projector", "replica"),
    "instances": ("Instances", "api", "writer", "projector"),
}


@pytest.mark.skipif(not (PLOTS / "uPlot.iife.min.js").exists(), reason="uPlot could not be fetched")
def test_the_overview_has_plots_and_keeps_them(stack, console):
    console.at("#/")
    console.wait("document.querySelectorAll('.plot canvas').length === 12")
    read = "document.querySelector('figure:first-of-type .legend').innerText"

    def shows_a_rate():
        stack.http.request("GET", f"/v1/records/{os.urandom(4).hex()}")
        return console.run(f"/[1-9]/.test({read})")

    wait_until(shows_a_rate, 20, "a rate that is not 0")
    figures = console.run("[...document.querySelectorAll('figure')].map((each) => each.innerText)")
    for what, words in PLOTTED.items():
        assert any(all(word in text for word in words) for text in figures), (what, figures)
    # A reload shows what was.
    points = "Number(/([0-9]+) points/.exec(document.querySelector('#page')?.innerText)?.[1] ?? 0)"
    console.wait(f"{points} > 1")
    before = console.run(points)
    console.take_events()
    console.open("/")
    console.wait(f"document.querySelectorAll('.plot canvas').length === 12 && {points} >= {before}")
    assert any(url.endswith("/stats/history") for url in console.asked(console.take_events()))


def test_instances_and_lags(stack, console):
    """While the replica and the projector are held back, both lags grow."""

    def card(title):
        return (
            "[...document.querySelectorAll('#instances .card')]"
            f".find((each) => each.innerText.includes('{title}'))?.querySelector('b').innerText"
        )

    console.at("#/")
    for title in "instances of the api", "writers", "projectors":
        console.wait(f"{card(title)} === '1'", title)
    _, projector, _ = stack.daemons
    projector.sigstop()
    try:
        with replay_paused(stack.deployment):
            stack.product("Late")
            for title in "Redis is behind", "the replica is behind":
                console.wait(f"parseInt({card(title)}) >= 2", title)
            stats = stack.http.page("/stats")
            assert stats["redis_behind"] >= 1 <= stats["replica_behind"], stats
    finally:
        projector.sigcont()
    for title in "Redis is behind", "the replica is behind":
        console.wait(f"{card(title)} === '0 s'", title)


def test_parts_that_are_away_say_why(stack, console):
    key = stack.product()
    with stack.redis.fault("refuse"):
        console.at("#/")
        wait_until(lambda: "Redis does not answer" in stack.http.request("GET", "/health").body.decode(), 20, "Redis is away")
        console.at("#/")
        console.wait_text("Redis does not answer")
        console.in_every_look("redis-away")
        # Documents are read and written all the same.
        console.at(f"#/document/products/{key}")
        console.click("#edit")
        console.fields(name="Without Redis")
        console.click("#save")
        console.wait_text("Saved.", "#outcome")
        console.click("#again")
        console.wait_text("Without Redis", "#view")
        console.at("#/caches")
        console.click("#purge")
        console.confirm("Remove everything")
        console.wait_text("503:", "#purged")
        console.in_every_look("redis-away-clear")
    wait_until(lambda: stack.http.page("/health")["status"] == "healthy", 20, "Redis is back")


def test_filters_orders_pages_and_counts(stack, console):
    for n in range(12):
        stack.product(f"Chair {n:02}", category="Chairs")
    console.at("#/browse/products?category=eq.Chairs&order=name.desc&limit=10")
    console.wait_text("Chair 11", "#result")
    assert "Chair 01" not in console.text("#result")
    console.click("#next")
    console.wait_text("Chair 01", "#result")
    console.click("#back")
    console.wait_text("Chair 11", "#result")
    console.click("#count")
    console.wait_text("documents in all", "#result")
    assert console.text("#result .card b") == "12"
    console.fill(".filter input", "Nothing")
    console.click("#load")
    console.wait_text("No document.", "#result")
    console.at("#/browse/products?price=eq.cheap")
    console.wait_text("(parameter price)", "#result")
    console.at("#/browse/empties")
    console.wait_text("No document. The collection is empty", "#result")
    console.in_every_look("empty")


# --- writing --------------------------------------------------------------------------------


def test_what_is_wrong_is_shown_at_its_field(stack, console):
    console.at("#/document/products")
    console.fields(name="", price="cheap", category="Home", stock_quantity="-1")
    console.click("#save")
    for name in "name", "price", "stock_quantity":
        assert console.wrong(name)
    assert console.run("document.activeElement.id") == "field-name"
    assert console.run("document.querySelector('#field-price').getAttribute('aria-invalid')") == "true"
    console.in_every_look("wrong")
    console.at("#/document/codes")
    console.fields(key="a", code="one", more="{")
    console.click("#save")
    assert "not JSON" in console.wrong("more")


def test_a_key_of_several_fields(stack, console):
    """An input for each part, to create a document and to open one."""
    place = "#/document/seats/a%2525%252Cb%2C7"
    console.at("#/document/seats")
    console.fields(room="a%,b", row="7", text="x")
    console.click("#save")
    console.wait_text("a%,b", "#view")
    assert console.run("location.hash") == place
    console.at("#/browse/seats")
    console.wait("document.querySelector('#result a')")
    assert console.run("document.querySelector('#result a').getAttribute('href')") == place
    console.click("summary")
    console.click("#open-document")
    assert "a part of the key" in console.wrong("row")
    console.in_every_look("parts", lambda: console.run("document.querySelector('details').open = true"))
    console.fields(room="a%,b", row="7")
    console.click("#open-document")
    console.wait_text("a%,b", "#view")
    assert console.run("location.hash") == place


def test_what_is_there_already(stack, console):
    stack.write("PUT", "/v1/codes/taken", {"code": "two"})
    console.at("#/document/codes")
    console.fields(key="taken", code="three")
    console.click("#save")
    assert "this key already" in console.wrong("key")
    console.fields(key="another", code="two")
    console.click("#save")
    assert "violates codes_code_unique" in console.wrong("code")
    assert "409:" in console.text("#page .note")
    console.in_every_look("taken")


def test_two_people_edit_one_document(stack, console):
    key = stack.product("Sofa")
    console.at(f"#/document/products/{key}")
    console.click("#edit")
    console.fields(name="My sofa")
    stack.write("PATCH", f"/v1/products/{key}", {"name": "Their sofa"})
    console.click("#save")
    console.wait_text("412: Somebody else has changed it", "#outcome")
    console.wait_text("Their sofa", "#theirs")
    assert stack.http.page(f"/v1/products/{key}")["name"] == "Their sofa"
    console.in_every_look("conflict")
    console.click("#keep-mine")
    console.wait("document.querySelector('#field-name')?.value === 'My sofa' && !document.querySelector('#theirs')")
    console.click("#save")
    console.wait_text("Saved.", "#outcome")
    assert stack.http.page(f"/v1/products/{key}")["name"] == "My sofa"
    # And a delete of what has changed since.
    stack.write("PATCH", f"/v1/products/{key}", {"name": "Their sofa"})
    console.click("#delete")
    console.confirm("Delete products")
    console.wait_text("412:", "#outcome")


def test_a_read_after_a_write_waits_for_it(stack, console):
    """Behind a load balancer, another instance may answer it."""
    key = stack.product("Shelf")
    console.at(f"#/document/products/{key}")
    console.click("#edit")
    console.fields(name="Long shelf")
    console.take_events()
    console.click("#save")
    console.wait_text("Saved.", "#outcome")
    console.wait_text("Long shelf", "#view")
    sent = [e["params"]["request"] for e in console.take_events() if e["method"] == "Network.requestWillBeSent"]
    reads = [r for r in sent if r["method"] == "GET" and r["url"].endswith(f"/v1/products/{key}")]
    assert reads and all("sluice-read-after" in map(str.lower, r["headers"]) for r in reads), reads


def test_numbers_keep_their_digits(stack, console):
    stack.write("PUT", "/v1/codes/large", {"code": "large", "n": 9007199254740993, "more": {"x": 9007199254740995}})
    console.at("#/document/codes/large")
    console.wait_text("9007199254740993", "#view")
    console.click("#edit")
    console.fields(code="larger")
    console.click("#save")
    console.wait_text("Saved.", "#outcome")
    got = stack.http.page("/v1/codes/large")
    assert (got["n"], got["more"]["x"], got["code"]) == (9007199254740993, 9007199254740995, "larger")
    key = 9007199254740993
    stack.write("PUT", f"/v1/products/{key}", {"name": "Far", "price": 1, "category": "Home"})
    console.at(f"#/browse/products?id=eq.{key}")
    console.click("#result td a")
    console.wait_text(f"products: {key}")
    console.wait_text("Far", "#view")


def test_a_document_with_markup_is_shown_as_text(stack, console):
    key = MARKUP
    stack.write("PUT", f"/v1/records/{quote(key, safe='')}", {"value": MARKUP})
    title = console.run("document.title")
    for place in "#/browse/records", f"#/document/records/{quote(key, safe='')}", f"#/key/records/{quote(key, safe='')}":
        console.at(place)
        console.wait_text("onerror=document.title")
    console.at(f"#/document/records/{quote(key, safe='')}")
    console.click("#edit")
    console.wait("document.querySelector('#field-value')")
    assert console.run("document.querySelector('#field-value').value") == MARKUP
    assert console.run("document.querySelectorAll('#page img, #page script').length") == 0
    console.in_every_look("markup")
    assert "owned" not in (title, console.run("document.title"))


def test_a_value_of_a_megabyte(stack, console):
    stack.write("PUT", "/v1/records/huge", {"value": "x" * 1_000_000})
    console.at("#/browse/records")
    console.wait_text("huge", "#result")
    assert len(console.text("#result")) < 20_000
    console.at("#/document/records/huge")
    console.wait_text("Show all 1,000,000 characters", "#view")
    console.in_every_look("megabyte")
    console.click("#view button")
    assert len(console.text("#view")) > 1_000_000
    console.click("#edit")
    console.run("document.querySelector('#field-value').value += 'y'")
    console.click("#save")
    console.wait_text("Saved.", "#outcome")
    assert len(stack.http.page("/v1/records/huge")["value"]) == 1_000_001


def test_the_api_restarts_while_a_form_is_open(stack, console):
    console.at("#/document/products")
    console.fields(name="Patience", price="1", category="Home")
    stack.api.stop()
    console.click("#save")
    console.wait_text("The API does not answer")
    console.wait("document.querySelector('#status').textContent === 'does not answer'")
    console.in_every_look("api-away")
    assert console.run("document.querySelector('#field-name').value") == "Patience"
    stack.start()
    console.click("#save")
    console.wait_text("Patience", "#view")


def rejected(stack, console, key):
    """A write that the database refuses, as the console lists it."""
    stack.write("PUT", "/v1/codes/first", {"code": "same"})
    answer = stack.http.request(
        "PUT", f"/v1/codes/{key}", b'{"code": "same"}',
        {"Content-Type": "application/json", "Prefer": "wait=20"},
    )  # fmt: skip
    assert answer.problem == "constraint-violation", answer
    console.at("#/rejections")
    console.wait_text(f"codes/{key}", "#rejections")
    console.run(
        "[...document.querySelectorAll('.rejection')]"
        f".find((each) => each.innerText.includes('codes/{key}')).id = {json.dumps(key)}"
    )


def test_a_rejected_write_is_corrected(stack, console):
    rejected(stack, console, "second")
    assert "codes_code_unique" in console.text("#second")
    console.in_every_look("rejected")
    console.fill("#second textarea", '{"code": 7}')
    console.click("#second button.main")
    console.wait_text("422:", "#second")
    console.fill("#second textarea", '{"code": "other"}')
    console.click("#second button.main")
    console.wait("!document.querySelector('#second') && document.querySelector('#rejections').firstChild")
    assert "codes/second" not in console.text("#rejections")
    wait_until(lambda: stack.http.request("GET", "/v1/codes/second").status == 200, 20, "it is written")
    assert stack.http.page("/v1/codes/second")["code"] == "other"


def test_a_rejected_write_is_discarded(stack, console):
    rejected(stack, console, "third")
    console.click("#third button.danger")
    console.confirm("Discard the rejected write")
    console.wait("!document.querySelector('#third') && document.querySelector('#rejections').firstChild")
    assert "codes/third" not in console.text("#rejections")


# --- who may ----------------------------------------------------------------------------------


def test_a_key_without_the_right(stack, console):
    """Whatever it tries, it is told so, and nothing happens."""
    key = stack.product("Bed")
    console.sign_in(stack.keys["reader"])
    try:
        console.at("#/document/products")
        console.fields(name="My bed", price="1", category="Home")
        console.click("#save")
        console.wait_text("403: Your key does not have the right")
        console.at(f"#/document/products/{key}")
        console.click("#delete")
        console.confirm("Delete products")
        console.wait_text("403: Your key does not have the right", "#outcome")
        console.at(f"#/document/products/{key}")
        console.click("#edit")
        console.fields(name="My bed")
        console.click("#save")
        console.wait_text("403: Your key does not have the right", "#outcome")
        assert console.run("document.querySelector('#field-name').value") == "My bed"
        console.in_every_look("no-right")
        console.at("#/caches")
        console.wait_text("403:")
        console.click("#purge")
        console.confirm("Remove everything")
        console.wait_text("403:", "#purged")
        console.at("#/rejections")
        console.wait_text("403:", "#trouble")
        console.at(f"#/key/products/{key}")
        console.wait_text("403:", "#inspected")
        console.at("#/changes/products")
        console.wait_text("403:", "#feed")
    finally:
        console.sign_in(stack.keys["everything"])
    assert stack.http.page(f"/v1/products/{key}")["name"] == "Bed"
    assert stack.http.page("/v1/products?name=eq.My bed".replace(" ", "%20")) == []


def test_no_key(stack, console):
    console.click("#open-sign-in")
    console.click("#sign-out")
    try:
        assert console.run("sessionStorage.length") == 0
        console.at("#/browse")
        console.wait_text("401: This needs an API key")
        console.in_every_look("no-key")
        console.sign_in("slk_wrong")
        console.wait_text("401:")
    finally:
        console.sign_in(stack.keys["everything"])
    console.wait_text("products")


def test_too_many_requests(stack, console):
    console.sign_in(stack.keys["slow"])
    try:
        console.at("#/browse/products")
        for _ in range(20):
            if "429: You have sent too many requests" in console.text("#page"):
                break
            console.at("#/browse/products")
            console.wait("document.querySelector('#page .note')")
        console.wait_text("429: You have sent too many requests")
        assert "Try again in" in console.text("#page")
        console.in_every_look("too-many")
    finally:
        console.sign_in(stack.keys["everything"])


# --- changes, keys ------------------------------------------------------------------------------


def test_changes_are_seen_live(stack, console):
    console.at("#/changes/products")
    console.wait_text("Following products")
    key = stack.product("Seen")
    console.wait_text("Seen", "#events")
    stack.write("DELETE", f"/v1/products/{key}")
    console.fill("#kind", "delete")
    console.wait_text(key, "#events")
    assert "Seen" not in console.text("#events")
    console.fill("#kind", "")
    console.fill("#text", "nothing has this")
    console.wait_text("No change matches.", "#events")
    # The feed goes on where it was.
    console.fill("#text", "")
    stack.api.stop()
    stack.start()
    console.wait_text("Following products")
    stack.product("Seen again")
    console.wait_text("Seen again", "#events")


def test_a_key_is_looked_at_and_purged(stack, console):
    key = stack.product("Table")
    stack.http.page(f"/v1/products/{key}")
    console.at(f"#/key/products/{key}")
    console.wait_text("All tiers: current.", "#inspected")
    assert "present" in console.text("#inspected tbody tr:first-child")
    console.click("#live")
    version = stack.write("PATCH", f"/v1/products/{key}", {"price": 12}).headers["ETag"].strip('"')
    console.wait_text(version, "#inspected tbody tr:last-child")  # by itself
    console.click("#live")
    console.click("#purge-key")
    console.confirm(f"Remove products/{key}")
    console.wait("document.querySelector('#inspected tbody tr')?.innerText.includes('none')")
    console.at("#/key/products/nothing")
    console.wait_text("404:", "#inspected")
    console.at("#/caches")
    console.fill("#purge-of", "products")
    console.click("#purge")
    console.confirm("Remove all entries of products")
    console.wait_text("Cleared: collection.", "#purged")


# --- the keyboard ---------------------------------------------------------------------------------


def test_the_keyboard_is_enough(stack, console):
    console.open("/")
    console.wait_text("The last 15 minutes")
    console.press("Tab")
    assert console.run("document.activeElement.className") == "skip"
    for _ in range(3):
        console.press("Tab")
    assert console.run("document.activeElement.textContent") == "Collections"
    console.press("Enter", text="\r")
    console.wait("document.querySelector('#page h2')?.textContent === 'Collections'")
    assert console.run("document.activeElement.id") == "page"
    console.run("document.querySelector('#open-sign-in').focus()")
    console.press("Enter", text="\r")
    console.wait("document.querySelector('#sign-in').open && document.activeElement.id === 'credential'")
    console.press("Escape")
    console.wait("!document.querySelector('#sign-in').open")
    assert console.run("document.activeElement.id") == "open-sign-in"
    console.at("#/browse")
    console.run("document.querySelector('#skip').focus()")
    console.press("Enter", text="\r")
    assert console.run("[document.activeElement.id, location.hash]") == ["page", "#/browse"]


def test_a_document_by_the_keyboard_alone(stack, console):
    """Created, changed, paged through, deleted; the focus is never lost."""

    def on():
        return console.run("document.activeElement.id")

    def tab_to(element):
        for _ in range(40):
            console.press("Tab")
            if on() == element:
                return
        raise AssertionError(element)

    def enter(element):
        tab_to(element)
        console.press("Enter", text="\r")

    console.at("#/browse/products?category=eq.Keyboard&limit=10")
    console.run("document.querySelector('#page').focus()")
    enter("new")
    console.wait("document.querySelector('#field-name')")
    for name, text in ("name", "Key"), ("category", "Keyboard"), ("price", "cheap"):
        console.run("document.querySelector('#page').focus()")
        tab_to(f"field-{name}")
        console.type(text)
    console.press("Enter", text="\r")  # in a line of a form
    assert console.wrong("price") and on() == "field-price"
    console.select_all()
    console.type("5")
    enter("save")
    console.wait_text("Keyboard", "#view")
    assert on() == "page"
    enter("edit")
    console.wait("document.activeElement.id.startsWith('field-')")
    tab_to("field-price")
    console.select_all()
    console.type("6")
    enter("save")
    console.wait_text("Saved.", "#outcome")
    console.wait("document.activeElement.id === 'document'")
    enter("delete")
    console.wait("document.querySelector('dialog[open]')")
    console.press("Escape")
    console.wait("document.activeElement.id === 'delete'")
    console.press("Enter", text="\r")
    console.wait("document.querySelector('dialog[open]')?.contains(document.activeElement)")
    console.press("Enter", text="\r")  # "Delete it" is the first button
    console.wait_text("Deleted.", "#outcome")
    for n in range(11):
        stack.product(f"Page {n:02}", category="Keyboard")
    console.at("#/browse/products?category=eq.Keyboard&order=name.asc&limit=10")
    console.wait_text("Page 09", "#result")
    console.run("document.querySelector('#page').focus()")
    enter("next")
    console.wait_text("Page 10", "#result")
    console.wait("document.activeElement.id === 'result'")  # there is no next page
    enter("back")
    console.wait_text("Page 09", "#result")
    console.wait("document.activeElement.id === 'result'")


# --- the picture of the README ----------------------------------------------------------------------


@pytest.mark.seconds(400)
def test_the_picture_of_the_readme(stack, console):
    """At the end: so the plots have what the other tests did. For a picture with more in
    its plots, SLUICE_TEST_PICTURE says for how many seconds clients read and write first."""
    until = time.monotonic() + int(os.environ.get("SLUICE_TEST_PICTURE", "0"))
    keys = [stack.product(f"Lamp {n}") for n in range(5)]
    while time.monotonic() < until:
        stack.write("PATCH", f"/v1/products/{random.choice(keys)}", {"price": random.randrange(1, 100)})
        stack.product(f"Chair {random.randrange(1000)}")
        for _ in range(random.randrange(60)):
            stack.http.page(f"/v1/products/{random.choice(keys)}")
        stack.http.page("/v1/products?limit=10")
    console.look(width=1000, height=900)
    console.at("#/")
    console.wait_text("healthy")
    console.wait("[...document.querySelectorAll('.legend')].every((each) => each.innerText)")
    picture = PICTURES / "console.png"
    console.picture(picture, whole=False)
    console.look()
    assert picture.stat().st_size < 150_000
