"""How much of each folder of tests/folders the tests reach.

    gcovr … --json-summary - | tests/coverage.py tests/folders

prints one line for each folder: the lines and branches that ran, of all there are.
"""

import json
import sys
from pathlib import PurePosixPath

KINDS = ("line", "branch")


def folders(plan):
    """The folders of the floor plan, in its order."""
    with open(plan) as rows:
        return [row.split("|")[0].strip() for row in rows if row[:1] not in "#\n"]


def sums(files):
    """Of each folder: (covered, total) for each kind."""
    found = {}
    for file in files:
        folder = str(PurePosixPath(file["filename"]).parent)
        counts = found.setdefault(folder, {kind: (0, 0) for kind in KINDS})
        for kind in KINDS:
            covered, total = counts[kind]
            counts[kind] = (
                covered + file[f"{kind}_covered"],
                total + file[f"{kind}_total"],
            )
    return found


def cell(covered, total):
    share = f"{100 * covered / total:.1f} %" if total else "-"
    return f"{covered:6d} of {total:6d} {share:>8}"


def row(name, counts):
    return f"{name:22} " + "   ".join(cell(*counts[kind]) for kind in KINDS)


def main():
    found = sums(json.load(sys.stdin)["files"])
    print(f"{'folder':22} {'lines':>25}   {'branches':>25}")
    for folder in folders(sys.argv[1]):
        if folder in found:
            print(row(folder, found[folder]))
    every = list(found.values())
    print(row("all", {k: tuple(map(sum, zip(*(c[k] for c in every)))) for k in KINDS}))


main()
