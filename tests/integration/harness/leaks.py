"""The leaks that LeakSanitizer may find: librdkafka 2.0.2's own, as it destroys a
client that has hardly begun, now and then on a busy machine.

- Its internal broker, whose partitions are on their way to it: one object, with its
  two names, "" and ":0/internal".
- What only points at itself: a request that waits in a queue which it keeps. What
  this side forgets, a message say, is pointed at by nothing.

Whatever else leaks, with these or alone, is a failure."""

import re

CODE = 99  # of a process with a finding of a sanitizer

REPORT = re.compile(
    r"=+\n==\d+==ERROR: LeakSanitizer: detected memory leaks\n"
    r"(.*?)"
    r"SUMMARY: AddressSanitizer: \d+ byte\(s\) leaked in \d+ allocation\(s\)\.\n",
    re.DOTALL,
)
LEAK = re.compile(
    r"(Direct|Indirect) leak of (\d+) byte\(s\) in \d+ object\(s\) allocated from:\n"
    r" +#0 .*\n"
    r" +#1 .*librdkafka\.so.*\n"
    r"(?: +#.*\n)*\n"
)
NAMES = {len("") + 1, len(":0/internal") + 1}


def _known(report):
    body = report.group(1)
    leaks = LEAK.findall(body)
    direct = [size for kind, size in leaks if kind == "Direct"]
    others = {int(size) for kind, size in leaks if kind == "Indirect"}
    if LEAK.sub("", body).strip() != "":
        return False  # somebody else's
    return not direct or (len(direct) == 1 and NAMES <= others and len(leaks) <= 4)


def without_known(text):
    """The log, without the reports of these leaks alone."""
    return REPORT.sub(lambda report: "" if _known(report) else report.group(0), text)


def is_known(text):
    return without_known(text) != text
