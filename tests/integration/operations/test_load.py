"""compose/load: files and made-up posts into a collection, through the API."""

import csv
import json
import os
import subprocess
import sys

import pytest
from harness.servers import ROOT
from harness.wait import wait_until


def command(api, *args, **more):
    url = f"http://127.0.0.1:{api.http.port}"
    return subprocess.Popen(
        [sys.executable, ROOT / "compose" / "load", "--url", url, *map(str, args)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


def load(api, *args, stdin="", code=0):
    process = command(api, *args)
    out, err = process.communicate(stdin, timeout=120)
    assert process.returncode == code, (out, err)
    return out, err


def count(world, query, *args):
    ((n,),) = world.sql(f"SELECT count(*) FROM {query}", *args)
    return n


def test_generated(world, api):
    before = count(world, "posts")
    out, err = load(api, "posts", "--generate", 3000, "--batch", 700)
    assert out.startswith("3000 rows loaded in ") and out.endswith(", 0 refused\n"), out
    assert count(world, "posts") == before + 3000
    load(api, "posts", "--generate", 100, "--first-id", 10**9, "--quiet")
    assert count(world, "posts WHERE id >= %s", 10**9) == 100
    out, err = load(api, "posts", "--generate", 101, "--first-id", 10**9, code=1)
    assert out.startswith("1 rows loaded") and out.endswith("100 refused\n"), out
    assert "post 1: 409 key-exists" in err and "and 80 more" in err


def test_lines(world, api):
    rows = [{"key": f"line {i}", "value": "é\n" * (i % 3)} for i in range(50)]
    lines = [json.dumps(row) for row in rows]
    lines[10] = '{"value": 5}'
    lines[20] = "no JSON"
    lines[30] = ""
    lines[40] = json.dumps({"value": "x" * 1024 * 1024})
    out, err = load(api, "records", "-", "--batch", 7, stdin="\n".join(lines), code=1)
    assert out.startswith("46 rows loaded") and out.endswith("3 refused\n"), out
    assert sorted(line.split(": ")[:2] for line in err.splitlines() if line.startswith("line")) == [
        ["line 11", "422 /value"],
        ["line 21", "400 a value is expected (at byte %d)" % err_offset(lines)],
        ["line 41", "413 payload-too-large"],
    ], err
    for i in (0, 9, 11, 19, 21, 49):
        assert api.http.value(f"line {i}") == rows[i]["value"]


def err_offset(lines):
    """Of line 21 in its batch, which begins at line 15."""
    return sum(len(line.encode()) + 1 for line in lines[14:20])


def test_csv(world, api, tmp_path):
    file = tmp_path / "samples.csv"
    values = {"text": 'a "b",\né', "large": 2**53 + 1, "part": "1.2345678901234567890123",
              "flag": "true", "tree": '{"a": [1, 2]}', "code": "AB-1"}  # fmt: skip
    with file.open("w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(values)
        writer.writerow(values.values())
        writer.writerow(["only text", "", "", "", "", "CD-2"])
        writer.writerow(["bad", "x", "", "", "", "EF-3"])
    out, err = load(api, "samples", file, code=1)
    assert out.startswith("2 rows loaded"), out
    assert err == "line 5: 422 /large: must be an integer\n" or "line 5: 422 /large" in err
    ((large, part, flag, tree),) = world.sql(
        "SELECT large, part::text, flag, tree FROM samples WHERE text = %s", values["text"]
    )
    assert (large, part, flag, tree) == (2**53 + 1, values["part"], True, {"a": [1, 2]})
    (row,) = world.sql("SELECT large, part::text, flag FROM samples WHERE text = 'only text'")
    assert row == (None, "1.50", False)


@pytest.mark.parametrize("name", ["lines.ndjson", "rows.csv"])
def test_a_byte_order_mark(world, api, tmp_path, name):
    file = tmp_path / name
    text = 'key,value\nbom,é\u2028x\n' if "csv" in name else '{"key":"bom","value":"é\u2028x"}\n'
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    out, err = load(api, "records", file)
    assert out.startswith("1 rows loaded"), (out, err)
    assert api.http.value("bom") == "é\u2028x"
    api.http.delete("bom", prefer="wait=10")


@pytest.mark.parametrize("name", ["lines.ndjson", "rows.csv"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding(api, tmp_path, name, encoding):
    """The file, the line, the byte, and what to do; no traceback."""
    rows = ["key,value", "a,plain", "b,café"]
    lines = ['{"key":"a"}', '{"key":"b","value":"plain"}', '{"value":"café"}']
    file = tmp_path / name
    file.write_bytes("\n".join(rows if "csv" in name else lines).encode(encoding))
    out, err = load(api, "records", file, code=2)
    assert out == "" and len(err.splitlines()) == 1, err
    assert str(file) in err and "iconv" in err
    if encoding == "latin-1":
        byte = 6 if "csv" in name else 14
        assert f"line 3, byte {byte} of the line: 0xe9 is not UTF-8" in err
    else:
        assert "this is UTF-16" in err


def test_a_csv_that_is_none(api, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_bytes(b"key,value\n" + b"k," + b"x" * 9 * 2**20 + b"\n")
    out, err = load(api, "records", file, code=2)
    assert f"{file}: line 2: field larger than field limit" in err, err
    assert "Traceback" not in err
    file.chmod(0)
    if os.geteuid() != 0:
        assert "Permission denied" in load(api, "records", file, code=2)[1]


@pytest.mark.parametrize(
    "args, words",
    [
        ([], "a collection and a file"),
        (["posts", "--generate", "x"], "must be a whole number"),
        (["records", "--generate", "5"], "only posts"),
        (["nothing", "-"], "there is no collection nothing"),
        (["records", "/nowhere.csv"], "no such file"),
        (["records", "-", "--what"], "--what"),
    ],
)
def test_what_it_does_not_understand(api, args, words):
    out, err = load(api, *args, code=2)
    assert out == "" and words in err


def test_help(api):
    out, err = load(api, "--help")
    assert out.startswith("Loads documents") and err == ""


def test_a_body_that_is_refused_in_the_middle(world, special_api):
    """The memory for bodies is used up: what was accepted before is not sent again."""
    api = special_api({"http.body_budget": "1MiB", "http.max_item": "256KiB"})
    before = count(world, "posts")
    refused = ("sluice_http_over_budget_total", 'of="bodies"')
    out, _ = load(api, "posts", "--generate", 60000, "--batch", 40000, "--connections", 1)
    assert api.metrics()[refused] > 0, "no body was refused"
    assert out.startswith("60000 rows loaded"), out
    assert count(world, "posts") == before + 60000


@pytest.mark.seconds(240)
@pytest.mark.parametrize("named", [True, False])
def test_an_api_that_is_killed(world, special_api, named):
    """With keys of their own nothing is lost, and nothing twice; without, it says
    that it does not know."""
    api = special_api({})
    key = f"/{named}"
    n = 60000
    keys = ["--first-id", 2 * 10**9] if named else []
    process = command(api, "posts", "--generate", n, "--batch", 1000, *keys)
    wait_until(
        lambda: api.metrics()["sluice_bulk_items_total"] > 5000, 60, f"it is under way {key}"
    )
    api.sigkill()
    if named:
        api.start()
    out, err = process.communicate(timeout=180)
    if named:
        assert process.returncode == 0, (out, err)
        assert out.startswith(f"{n} rows loaded")
        assert count(world, "posts WHERE id >= %s", 2 * 10**9) == n
    else:
        assert process.returncode == 2 and "may be loaded" in err, (out, err)
        api.start()
