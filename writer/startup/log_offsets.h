/* Asks Kafka where the log of writes begins and ends. The call of the library
 * blocks, so it runs on a thread of libuv's pool.
 */
#pragma once

#include "writer/core/context.h"

struct log_offsets;

struct log_offsets_of {
	int32_t partition;
	int64_t low;
	int64_t high;
};

/* `e` is RETRY if Kafka did not answer. The list is borrowed. */
typedef void (*log_offsets_done)(void *arg, const struct err *e,
    const struct log_offsets_of *list, size_t n);

/* `done` comes once, later, unless cancelled; the handle is gone then. */
struct log_offsets *log_offsets_ask(struct context *x,
    const int32_t *partitions, size_t n, log_offsets_done done, void *arg);
/* NULL is fine. */
void log_offsets_cancel(struct log_offsets **e);
