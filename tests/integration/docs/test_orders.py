"""docs/orders.md: its declarations, its commands, its program, and what that prints."""

import json
import os
import re
import subprocess
import sys

import pytest
from harness.servers import ROOT

PAGE = (ROOT / "docs/orders.md").read_text()
TOOLS = os.path.dirname(sys.executable)


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def api(servers, module_deploy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("declared")
    for text in blocks("json"):
        (folder / f"{json.loads(text)['name']}.json").write_text(text)
    world = module_deploy(servers, collections=folder)
    world.start_all(apis=1)
    return world.of("api")[0]


def run(folder, command):
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, "PATH": TOOLS + os.pathsep + os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )


def test_the_page_does_what_it_says(api, tmp_path):
    """Only the folder and the port are other ones, and nothing is installed."""
    _, generate = blocks("sh")
    install, fetch, made = generate.splitlines()
    assert install.startswith("pip install") and fetch.startswith("curl")
    document = api.http.request("GET", "/openapi.json")
    (tmp_path / "api.json").write_bytes(document.body)
    (settings,) = blocks("yaml")
    (tmp_path / "client.yaml").write_text(settings)
    done = run(tmp_path, made.removeprefix("cd build/orders && "))
    assert (done.returncode, done.stdout) == (0, "Generating shop\n"), done.stdout
    (program,) = blocks("py")
    (tmp_path / "walk.py").write_text(program)
    done = run(tmp_path, f"{sys.executable} walk.py http://127.0.0.1:{api.http.port}")
    (printed,) = blocks("text")
    assert (done.returncode, done.stdout) == (0, printed), done.stdout
