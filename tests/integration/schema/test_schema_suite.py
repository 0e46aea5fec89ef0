"""The keywords of fields, held to the JSON Schema Test Suite.

The suite comes with the source package of the Python library `jsonschema`. Its
schemas have keywords that say nothing about values of other types; a field has
one type, so that each case is asked of a field of the value's own type.
"""

import decimal
import json
import os
import pathlib
import subprocess
import sys
import tarfile

import pytest
from harness.servers import ROOT

PACKAGE = "jsonschema==4.26.0"
FOLDER = ROOT / "build" / "suite"
KEYWORDS = {
    "minLength": ("string",),
    "maxLength": ("string",),
    "pattern": ("string",),
    "format": ("string",),
    "minimum": ("number", "integer"),
    "maximum": ("number", "integer"),
    "exclusiveMinimum": ("number", "integer"),
    "enum": ("string", "number"),
}
FILES = [
    "type",
    "enum",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "optional/bignum",
    "optional/ecmascript-regex",
    "optional/non-bmp-regex",
    "optional/format/date-time",
    "optional/format/date",
    "optional/format/uuid",
    "optional/format/email",
    "optional/format/uri",
]
# Where a field is not what the suite says, and why.
OTHERWISE = {
    "a bignum is an integer": "an integer has 64 bits",
    "a negative bignum is an integer": "an integer has 64 bits",
    "nul characters in strings": "PostgreSQL has no U+0000 in a text",
    "a valid date-time with a leap second, with minus offset": (
        "PostgreSQL knows no times within a leap second, and this one has a fraction"
    ),
}


def fetch():
    """The suite's folder; fetched once for each version of the package."""
    name = PACKAGE.replace("==", "-")
    tests = FOLDER / name / "json" / "tests" / "draft2020-12"
    if not tests.is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        wanted = ["--no-deps", "--no-binary", "jsonschema", "-q", "-d", FOLDER, PACKAGE]
        command = [sys.executable, "-m", "pip", "download", *wanted]
        subprocess.run(command, check=True, timeout=300)
        with tarfile.open(FOLDER / f"{name}.tar.gz") as archive:
            wanted = f"{name}/json/tests/draft2020-12/"
            files = [m for m in archive if m.isfile() and m.name.startswith(wanted)]
            archive.extractall(FOLDER, members=files)
    return tests


def plain(value):
    """JSON in one line of ASCII, whose numbers are as they were written."""
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, dict):
        members = (f"{plain(k)}:{plain(v)}" for k, v in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(plain, value)) + "]"
    return json.dumps(value)


def type_of(value):
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    types = {str: "string", int: "number", dict: "object", list: "array"}
    return types.get(type(value), "number")


def fields(schema, value):
    """The fields that the case says something about."""
    schema = {k: v for k, v in schema.items() if k not in ("$schema", "$comment")}
    types = schema.pop("type", None)
    if not set(schema) <= set(KEYWORDS):
        return
    if types is None:
        kind = type_of(value)
        kinds = [kind] + ["integer"] * (kind == "number")
        if not schema or not all(kind in KEYWORDS.get(k, ()) for k in schema):
            return
    elif isinstance(types, list):
        kinds = [t for t in types if t != "null"]
        schema["nullable"] = "null" in types
        if len(kinds) != 1:
            return
    else:
        kinds = [types]
    if "enum" in schema and any(type_of(v) != type_of(value) for v in schema["enum"]):
        return
    for kind in kinds:
        if kind in ("string", "number", "integer", "boolean", "object", "array"):
            yield {"type": kind, **schema}


def cases(path):
    text = path.read_text()
    for group in json.loads(text, parse_float=decimal.Decimal):
        if not isinstance(group["schema"], dict):
            continue
        for case in group["tests"]:
            for field in fields(group["schema"], case["data"]):
                yield group["description"], case, field


def ask(lines):
    program = pathlib.Path(os.environ["SLUICE_TEST_BIN"]) / "tests/unit/field_suite"
    text = "".join(line + "\n" for line in lines)
    done = subprocess.run(
        [program], input=text, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def whole(text):
    """A value and bounds that an integer field can have."""
    return text == text.to_integral_value() and abs(text) < 2**63


def skipped(field, value):
    """An integer field has whole bounds; another value is for numbers."""
    if field["type"] != "integer" or "type" not in field or len(field) == 1:
        return False
    numbers = [v for k, v in field.items() if k.lower().endswith("imum")]
    return not all(whole(decimal.Decimal(n)) for n in [*numbers, value])


@pytest.mark.parametrize("name", FILES)
def test_suite(name):
    lines, wanted = [], []
    for group, case, field in cases(fetch() / f"{name}.json"):
        if type_of(case["data"]) == "number" and skipped(field, case["data"]):
            continue
        lines += [f"field {plain(field)}", f"value {plain(case['data'])}"]
        wanted.append((group, case, field))
    answers = ask(lines)
    assert len(answers) == len(lines) and wanted
    wrong = []
    for i, (group, case, field) in enumerate(wanted):
        declared, judged = answers[2 * i : 2 * i + 2]
        expected = "valid" if case["valid"] else "invalid"
        known = OTHERWISE.get(case["description"]) or OTHERWISE.get(group)
        if declared != "valid" or judged != expected:
            wrong.append((known, declared, judged, group, case, plain(field)))
    surprising = [w for w in wrong if w[0] is None]
    assert not surprising, "\n".join(map(str, surprising))
