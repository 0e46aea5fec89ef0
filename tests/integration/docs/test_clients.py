"""What generators of clients make of /openapi.json: TypeScript, models in Python, Java,
Go and C#; and a reader of the commits, as docs/consume.md has it.

The client that openapi-python-client makes is in test_openapi.py.
"""

import importlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pydantic
import pytest
from harness import history
from harness.servers import ROOT
from jsonschema import Draft202012Validator

HOME = os.environ.get("SLUICE_TEST_CLIENTS")
JARS = os.environ.get("SLUICE_TEST_JARS")  # Kafka's
SOURCES = ROOT / "tests/clients"
GENERATORS = os.environ.get("SLUICE_TEST_GENERATORS")  # tests/generators
# Programs that end after seconds: the optimising compiler would not pay.
JAVA = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


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


@pytest.fixture(scope="module")
def committed(world):
    """What the programs of docs/consume.md are given."""
    http = world.of("api")[0].http
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    for key, value in (("kept", "one"), ("kept", "two"), ("gone", "one")):
        body = json.dumps({"value": value}).encode()
        answer = http.request("PUT", f"/v1/records/consume-{key}", body, headers)
        assert answer.status in (200, 201), answer
    assert http.request("DELETE", "/v1/records/consume-gone", headers=headers).status == 204
    history.settle(world)
    return world.servers.kafka_servers, world.commits, str(world.partitions)


def program(language):
    """The one of the page."""
    page = (ROOT / "docs/consume.md").read_text()
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return text


def test_the_commits_are_read_in_python(committed, folder):
    (folder / "consume.py").write_text(program("py"))
    documents = json.loads(run(folder, sys.executable, "consume.py", *committed))
    assert documents["records/consume-kept"]["value"] == "two"
    assert "records/consume-gone" not in documents


@pytest.mark.skipif(not (JARS and shutil.which("javac")), reason="there is no Java compiler")
def test_the_commits_are_read_in_java(committed, folder):
    (folder / "Consume.java").write_text(program("java"))
    said = run(folder, *JAVA, "-cp", f"{JARS}/*", "Consume.java", *committed)
    documents = dict(line.split(" ", 1) for line in said.splitlines() if line.startswith("records/"))
    assert json.loads(documents["records/consume-kept"])["value"] == "two"
    assert "records/consume-gone" not in documents


def test_the_commits_are_as_their_schema_says(committed, world):
    schema = json.loads((ROOT / "docs/commits.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    mark = Draft202012Validator({**schema, "anyOf": [{"$ref": "#/$defs/mark"}]})
    document = Draft202012Validator({**schema, "anyOf": [{"$ref": "#/$defs/document"}]})
    kinds = set()
    for message in world.servers.read_log(world.commits, world.partitions):
        is_mark = message.key() == b"_mark"
        kinds.add(is_mark)
        if message.value() is not None:
            (mark if is_mark else document).validate(json.loads(message.value()))
    assert kinds == {True, False}


# --- by OpenAPI Generator: one client in each of three languages -------------------------

LANGUAGES = {"java": "okhttp-gson", "go": None, "csharp": "httpclient"}
# What Mono has. The generator's default needs the .NET SDK, which Debian does not have.
MONO = {"targetFramework": "net47", "nullableReferenceTypes": "false"}
# What it warns of, and why that is no fault of the description.
WARNINGS = (
    "OpenAPI 3.1 support is still in beta",
    # Examples of its own making, which no client has.
    "Response examples can currently only be generated for application/json",
    "Ignoring complex example on request body",
    # A word of that language.
    "(reserved word) cannot be used as",
    # The type of a member of any kind.
    "Failed to get the schema name: null",
)


@pytest.fixture(scope="module")
def generators():
    if not GENERATORS:
        pytest.skip("SLUICE_TEST_GENERATORS is not set: tests/run")
    return pathlib.Path(GENERATORS)


@pytest.fixture(scope="module")
def three(generators, folder):
    """A folder with a client in each of the languages; one run makes them all."""
    (jar,) = generators.glob("lib/openapi-generator-cli-*.jar")
    said = subprocess.run(
        [*JAVA, "-jar", jar, "validate", "-i", "api.json"],
        cwd=folder, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert said.returncode == 0 and "Unused model" not in said.stdout, said.stdout + said.stderr
    # The generator writes this bound in C# as an integer, which has too many digits.
    (folder / "csharp.json").write_text(re.sub(r',"maximum":1e20\b', "", (folder / "api.json").read_text()))
    for language, library in LANGUAGES.items():
        config = {
            "generatorName": language, "inputSpec": "csharp.json" if language == "csharp" else "api.json", "outputDir": f"made/{language}",
            "globalProperties": dict.fromkeys(("apiTests", "modelTests", "apiDocs", "modelDocs"), "false"),
            **({"library": library} if library else {}),
            **({"additionalProperties": MONO} if language == "csharp" else {}),
        }  # fmt: skip
        (folder / f"{language}.yaml").write_text(json.dumps(config))
    done = subprocess.run(
        [*JAVA, "-jar", jar, "batch", "--fail-fast", "--threads", "2", *(f"{each}.yaml" for each in LANGUAGES)],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=140,
    )  # fmt: skip
    assert done.returncode == 0 and "ERROR" not in done.stdout, done.stdout
    warned = [line for line in done.stdout.splitlines() if " WARN " in line]
    assert [line for line in warned if not any(known in line for known in WARNINGS)] == []
    return folder / "made"


def test_java_compiles(three, generators, folder):
    """By the compiler of Eclipse, which needs no JDK."""
    (compiler,) = generators.glob("lib/ecj-*.jar")
    libraries = [str(p) for p in generators.glob("lib/*.jar") if "openapi-generator" not in p.name]
    run(folder, *JAVA, "-jar", compiler, "-17", "-proc:none", "-nowarn", "-cp", ":".join(libraries),
        "-d", "compiled", three / "java/src/main/java")  # fmt: skip
    assert list(folder.glob("compiled/org/openapitools/client/api/PostsApi.class"))


def test_go_compiles(three, generators):
    """Without optimization, which is quicker: the standard library is compiled, too."""
    shutil.copy(SOURCES.parent / "generators/go.sum", three / "go")
    modules = {"GOMODCACHE": generators / "go", "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GONOSUMDB": "*"}
    run(three / "go", "env", *(f"{name}={value}" for name, value in modules.items()), "go", "build", "-gcflags=all=-N -l", "./...")
    assert (three / "go/api_posts.go").exists()


@pytest.mark.skipif(not HOME, reason="SLUICE_TEST_CLIENTS is not set: tests/run")
def test_csharp_compiles(three):
    """By Mono's compiler, with Newtonsoft.Json. Polly, which repeats requests, is on
    NuGet only: tests/generators/polly.cs declares what the client uses of it."""
    library = pathlib.Path(HOME, "node_modules/jillejr.newtonsoft.json-for-unity/Plugins")
    shutil.copy(library / "Newtonsoft.Json Editor/Newtonsoft.Json.dll", three)
    shutil.copy(ROOT / "tests/generators/polly.cs", three)
    assert list(three.glob("csharp/src/**/PostsApi.cs"))
    # 219: the generator's own code sets a variable that nobody reads.
    run(three, "mcs", "-langversion:latest", "-nowarn:219", "-target:library", "-out:client.dll",
        "-r:System.Net.Http,System.Runtime.Serialization,System.ComponentModel.DataAnnotations,System.Web",
        "-r:Newtonsoft.Json.dll", "-recurse:csharp/src/*.cs", "polly.cs")  # fmt: skip
    assert (three / "client.dll").exists()

