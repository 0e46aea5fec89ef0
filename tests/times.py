"""Where the time of a run of the tests goes.

As a plugin of pytest (-p times) it appends each part of each test to the file that
SLUICE_TEST_TIMES names; tests/run appends its stages. As a program it makes a table
of that file:

    python3 tests/times.py FILE SECONDS_OF_THE_RUN
"""

import collections
import os
import sys

SLOWEST = 20


def pytest_runtest_logreport(report):
    """The parts of a test are its setup, its call and its teardown."""
    file = os.environ.get("SLUICE_TEST_TIMES")
    if not file or "PYTEST_XDIST_WORKER" in os.environ:
        return  # the process that collects the reports of all workers writes them
    with open(file, "a") as out:
        print("test", f"{report.duration:.2f}", report.when, report.nodeid, file=out)


def read(file):
    """The seconds of each stage, and the parts of tests as (seconds, when, test)."""
    stages, tests = collections.Counter(), []
    with open(file) as lines:
        for line in lines:
            kind, seconds, rest = line.rstrip("\n").split(" ", 2)
            if kind == "stage":
                # Sets of servers start at once: the last one counts.
                stages[rest] = max(stages[rest], float(seconds))
            else:
                tests.append((float(seconds), *rest.split(" ", 1)))
    return stages, tests


def table(file, total):
    stages, tests = read(file)
    yield f"{'stage':<12} {'seconds':>8} {'share':>6}"
    for name, seconds in stages.items():
        if seconds >= 0.1:
            yield f"{name:<12} {seconds:8.1f} {seconds / total:6.1%}"
    yield f"{'all':<12} {total:8.1f}   (the build and the servers' start run at once)"
    if not tests:
        return
    files = collections.Counter()
    for seconds, _, test in tests:
        files[test.partition("::")[0]] += seconds
    yield ""
    yield f"The {SLOWEST} slowest files, of {sum(files.values()):.0f} s:"
    for name, seconds in files.most_common(SLOWEST):
        yield f"{seconds:8.1f} s  {name}"
    yield ""
    yield f"The {SLOWEST} slowest parts of {len({test for *_, test in tests})} tests:"
    for seconds, when, test in sorted(tests, reverse=True)[:SLOWEST]:
        yield f"{seconds:8.1f} s  {when:<8} {test}"


if __name__ == "__main__":
    print("\n".join(table(sys.argv[1], float(sys.argv[2]))))
