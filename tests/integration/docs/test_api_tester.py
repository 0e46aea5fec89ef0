"""schemathesis, a property-based tester, driven by /openapi.json: whatever it
sends, good and bad, no answer is a 500, and none is undocumented: its status,
its media type, its headers, its body.

    SLUICE_TEST_TESTER='300 7' tests/run api_tester     five minutes, with the seed 7
"""

import json
import os
import re
import subprocess
import sys

import pytest

SECONDS, SEED = (os.environ.get("SLUICE_TEST_TESTER", "60 1") + " 1").split()[:2]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
# 503 and 504 are answers with a reason: a position that is far away, say.
CONFIG = '[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503, 504]\n'
# It has no NDJSON: a line of what it has made, and one that is an operation.
LINES = """
import json
import schemathesis

@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    text = value if isinstance(value, str) else json.dumps(value)
    operation = json.dumps({"op": "delete", "key": text[:50] or "a"})
    return f"{text}\\n{operation}\\n".encode("utf-8", "replace")
"""


@pytest.fixture
def quick_api(special_api):
    """Positions that nothing reaches are not waited for long."""
    return special_api({"read.timeout": "300ms", "write.decide_wait": "1s"})


@pytest.fixture
def tester(tmp_path):
    """Runs it in a folder of its own: it keeps what it has found."""
    (tmp_path / "lines.py").write_text(LINES)
    (tmp_path / "config.toml").write_text('hooks = "lines.py"\n' + CONFIG)

    def run(seconds, document, api, *more):
        program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
        return subprocess.run(
            [program, "--config-file", "config.toml", "run", document, "--url",
             f"http://127.0.0.1:{api.http.port}", "--max-time", seconds, "--seed", SEED,
             "--checks", ",".join(CHECKS), "--continue-on-failure", "--no-color", *more],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=int(seconds) + 60,
        )  # fmt: skip

    return run


@pytest.fixture
def document(quick_api):
    """With the bodies that it has for people only."""
    made = quick_api.http.request("GET", "/openapi.json").json()
    for path in made["paths"].values():
        body = path.get("post", {}).get("requestBody", {})
        if "application/x-ndjson" in body.get("description", ""):
            body["content"]["application/x-ndjson"] = {"schema": {"type": "string"}}
    return made


@pytest.mark.seconds(int(SECONDS) + 120)
def test_no_500_and_no_undocumented_answer(quick_api, tester, document, tmp_path):
    (tmp_path / "api.json").write_text(json.dumps(document))
    done = tester(SECONDS, "api.json", quick_api)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    cases = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert cases and cases[1] == cases[2] and int(cases[1]) > 10 * len(document["paths"])


@pytest.mark.parametrize(
    "forget",
    [
        lambda operation: operation["responses"].pop("404"),
        lambda operation: operation["responses"]["404"]["content"].pop("application/problem+json"),
    ],
)
def test_it_would_see_one(quick_api, tester, document, tmp_path, forget):
    path = "/v1/records/{key}"
    operation = document["paths"][path]["get"]
    document["paths"] = {path: {"get": operation}}
    operation["responses"]["404"]["content"]["text/plain"] = {}
    forget(operation)
    (tmp_path / "api.json").write_text(json.dumps(document))
    done = tester("40", "api.json", quick_api, "--max-failures", "1")
    assert done.returncode == 1, done.stdout
    assert "Undocumented" in done.stdout, done.stdout
