/* The queues of a librdkafka handle on a loop. */
#pragma once

#include "common/base/loop.h"

#include <librdkafka/rdkafka.h>

struct kafka_poll;

/* `serve` is called, on the loop, soon after something arrived in a queue that
 * is watched, and every `beat` in any case. It takes all that is there, or
 * asks to be called again: an arrival is told by an empty queue only. */
struct kafka_poll *kafka_poll_new(
    struct loop *loop, dur_us_t beat, void (*serve)(void *arg), void *arg);
void kafka_poll_watch(struct kafka_poll *p, rd_kafka_queue_t *q);
/* Before a watched queue is destroyed. */
void kafka_poll_unwatch(rd_kafka_queue_t *q);
/* Calls `serve` once more. */
void kafka_poll_again(struct kafka_poll *p);
/* After the handle, whose threads write to it. `serve` is not called any
 * more. */
void kafka_poll_free(struct kafka_poll **p);
