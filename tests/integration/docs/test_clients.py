"""What generators of clients make of /openapi.json: TypeScript, and models in Python.

The client that openapi-python-client makes is in test_openapi.py.
"""

import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pydantic
import pytest
from harness.servers import ROOT

HOME = os.environ.get("SLUICE_TEST_CLIENTS")
SOURCES = ROOT / "tests/clients"


def run(folder, *command):
    """What it said. A warning is a fault, too."""
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}"
    assert "warn" not in done.stdout.lower(), done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    """With the document."""
    made = tmp_path_factory.mktemp("clients")
    document = world.of("api")[0].http.request("GET", "/openapi.json")
    (made / "api.json").write_bytes(document.body)
    return made


@pytest.mark.skipif(not HOME, reason="SLUICE_TEST_CLIENTS is not set: tests/run")
def test_typescript(world, folder):
    """By openapi-typescript, and used by openapi-fetch (tests/clients/crud.ts)."""
    tools = pathlib.Path(HOME, "node_modules")
    assert tools.is_dir(), f"tests/clients is not in {HOME}"
    (folder / "node_modules").symlink_to(tools)
    for name in ("package.json", "tsconfig.json", "crud.ts"):
        shutil.copy(SOURCES / name, folder)
    run(folder, "node_modules/.bin/openapi-typescript", "api.json", "-o", "api.d.ts")
    run(folder, "node_modules/.bin/tsc", "-p", ".")
    port = world.of("api")[0].http.port
    run(folder, "node", "made/crud.js", f"http://127.0.0.1:{port}")


def test_models_in_python(http, folder):
    """By datamodel-code-generator: what is read fits the model, what is wrong does not."""
    tool = os.path.join(os.path.dirname(sys.executable), "datamodel-codegen")
    run(folder, tool, "--input", "api.json", "--input-file-type", "openapi",
        "--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin",
        "--output", "made_models.py")  # fmt: skip
    sys.path.insert(0, str(folder))
    try:
        models = importlib.import_module("made_models")
    finally:
        sys.path.remove(str(folder))
    sent = {"title": "one", "content": "text", "author": "ann"}
    body = models.PostsNew(**sent).model_dump_json(exclude_unset=True)
    headers = {"Content-Type": "application/json", "Prefer": "wait=10, return=representation"}
    made = http.request("POST", "/v1/posts", body.encode(), headers)
    assert made.status == 201, made
    post = models.PostsDocument.model_validate_json(made.body)
    assert (post.title, post.content, post.author) == ("one", "text", "ann")
    absent = http.request("GET", "/v1/posts/999999999999")
    problem = models.Problem.model_validate_json(absent.body)
    assert (problem.status, problem.type) == (404, "urn:sluice:problem:not-found")
    for wrong, where in (
        ({**sent, "autor": "ann"}, "autor"),
        ({"title": "one", "author": "ann"}, "content"),
        ({**sent, "title": "t" * 201}, "title"),
    ):
        with pytest.raises(pydantic.ValidationError) as refused:
            models.PostsNew(**wrong)
        assert [e["loc"] for e in refused.value.errors()] == [(where,)]
        answer = http.request("POST", "/v1/posts", json.dumps(wrong).encode(), headers)
        assert answer.status == 422 and answer.json()["errors"][0]["pointer"] == f"/{where}", answer
