"""packaging/kubernetes/sluice.yaml: each daemon takes the settings that its container gets."""

import os
import subprocess

import pytest
import yaml
from harness.servers import ROOT

MANIFESTS = list(yaml.safe_load_all((ROOT / "packaging/kubernetes/sluice.yaml").read_text()))
SHARED = next(m["data"] for m in MANIFESTS if m["kind"] == "ConfigMap")
PODS = {
    m["metadata"]["name"]: m["spec"]["template"]["spec"]
    for m in MANIFESTS
    if "template" in m.get("spec", {})
}
SECRETS = {
    "primary-url": "postgresql://sluice@db.example/sluice",
    "replica-urls": "postgresql://sluice@replica.example/sluice",
    "redis-url": "redis://sluice:secret@redis.example:6379",
    "admin-token": "a-token-of-some-length",
    "keys.json": '{"keys": []}',
}


@pytest.mark.parametrize("name", PODS)
def test_the_settings_of_a_container(servers, tmp_path, name):
    (container,) = PODS[name]["containers"]
    for file, text in SECRETS.items():
        (tmp_path / file).write_text(text)
    given = SHARED | {each["name"]: each["value"] for each in container.get("env", [])}
    here = {
        key: value.replace("/etc/sluice/secrets", str(tmp_path)).replace(
            "/etc/sluice/collections", str(ROOT / "common/collections")
        )
        for key, value in given.items()
    }
    image = container["image"].partition(":")[0].rpartition("/")[2]
    done = subprocess.run(
        [servers.program(image.removeprefix("sluice-")), "--check-config"],
        env=here | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_kubernetes_adds_no_settings():
    """By default, a Service sluice-api gives each pod a variable SLUICE_API_PORT."""
    assert len(PODS) == 4
    for name, pod in PODS.items():
        assert pod["enableServiceLinks"] is False, name
