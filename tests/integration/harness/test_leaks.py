"""What the harness takes for librdkafka's own leaks, and what not."""

import pytest
from harness import leaks

LIBRARY = "/lib/x86_64-linux-gnu/librdkafka.so.1"


def leak(kind, size, where=LIBRARY):
    return (
        f"{kind} leak of {size} byte(s) in 1 object(s) allocated from:\n"
        "    #0 0x7ffa0aeb83b7 in __interceptor_calloc asan_malloc_linux.cpp:77\n"
        f"    #1 0x7ffa0ac5cd25  ({where}+0x38d25)\n\n"
    )


def log(*found):
    return (
        "ts=1 level=info daemon=sluice-api ev=stop code=0\n\n"
        "=================================================================\n"
        "==29875==ERROR: LeakSanitizer: detected memory leaks\n\n"
        + "".join(found)
        + "SUMMARY: AddressSanitizer: 3293 byte(s) leaked in 4 allocation(s).\n"
    )


BROKER = [leak("Direct", 3104), leak("Indirect", 176), leak("Indirect", 12)]
NAME = leak("Indirect", 1)


def test_the_broker_is_known():
    text = log(*BROKER, NAME)
    assert leaks.is_known(text)
    assert "Sanitizer" not in leaks.without_known(text)


def test_a_request_that_waits_in_its_own_queue_is_known():
    text = log(*(leak("Indirect", size) for size in (512, 277, 256, 176)))
    assert leaks.is_known(text)
    assert "Sanitizer" not in leaks.without_known(text)


@pytest.mark.parametrize(
    "found",
    [
        [*BROKER],
        [*BROKER, NAME, leak("Indirect", 64)],
        [*BROKER, NAME, leak("Direct", 64)],
        [leak("Direct", 3104, "/usr/bin/sluice-api"), *BROKER[1:], NAME],
        [leak("Direct", 240)],
        [leak("Direct", 240), leak("Indirect", 512)],
        [leak("Indirect", 512), leak("Indirect", 64, "/usr/bin/sluice-api")],
    ],
)
def test_anything_else_is_a_failure(found):
    assert not leaks.is_known(log(*found))
    both = log(*BROKER, NAME) + log(*found)
    assert "LeakSanitizer" in leaks.without_known(both)
