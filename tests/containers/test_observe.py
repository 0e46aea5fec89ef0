"""What Prometheus makes of the stack: it finds every instance, its rules are good,
and the dashboard asks for what is there."""

import json
import os
import pathlib
import re
import urllib.parse
import urllib.request

import pytest
from harness.wait import wait_until

OBSERVE = pathlib.Path(__file__).resolve().parents[2] / "compose" / "observe"


def ask(path, **arguments):
    port = os.environ["SLUICE_TEST_PROMETHEUS_PORT"]
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        page = json.load(answer)
    assert page["status"] == "success", page
    return page["data"]


def up():
    """job -> how many of its instances answer"""
    found = ask("query", query='sum by (job) (up{job=~"sluice-.*"})')["result"]
    return {r["metric"]["job"]: int(r["value"][1]) for r in found}


@pytest.fixture(scope="module", autouse=True)
def scraped(stack):
    """Every instance twice, with something to count."""
    want = {f"sluice-{kind}": len(stack.of(kind)) for kind in ("api", "writer", "projector")}
    wait_until(lambda: up() == want, 60, f"Prometheus finds {want}")
    http = stack.of("api")[0].http
    for n in range(20):
        assert http.put(f"observed {n}", "one", prefer="wait=10").status in (200, 201)
        assert http.get(f"observed {n}").status == 200
    query = "min(count_over_time(sluice_responses_total[1m])) > 3"
    wait_until(lambda: ask("query", query=query)["result"], 60, "some scrapes")


def test_the_rules_are_good():
    wait_until(
        lambda: all(r["health"] == "ok" for g in ask("rules")["groups"] for r in g["rules"]),
        60,
        "every rule was evaluated",
    )
    names = [r["name"] for g in ask("rules")["groups"] for r in g["rules"]]
    written = re.findall(r"- alert: (\w+)", (OBSERVE / "alerts.yml").read_text())
    assert sorted(names) == sorted(written) and len(names) > 10


def queries():
    board = json.loads((OBSERVE / "dashboards" / "sluice.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield pytest.param(target["expr"], id=f"{panel['title']}, {target['legendFormat']}")


@pytest.mark.parametrize("query", list(queries()))
def test_the_dashboard_shows_something(query):
    query = query.replace("$__rate_interval", "1m")
    query = query.replace("$instance", ".*").replace("$collection", ".*")
    assert ask("query", query=query)["result"], query


def alerts(name):
    return {a["state"] for a in ask("alerts")["alerts"] if a["labels"]["alertname"] == name}


@pytest.mark.seconds(240)
def test_an_alert_fires_and_ends(stack):
    assert not alerts("SluiceNoWriter")
    with stack.without("writer-1", "killed"), stack.without("writer-2", "killed"):
        wait_until(lambda: "firing" in alerts("SluiceNoWriter"), 120, "no writer: it fires")
    wait_until(lambda: not alerts("SluiceNoWriter"), 90, "writers again: it ends")
