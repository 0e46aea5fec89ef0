/* The queues of a librdkafka handle on a loop. */
#pragma once

#include "common/base/loop.h"

#include <librdkafka/rdkafka.h>

struct kafkapoll;

/* `serve` is called, on the loop, soon after something arrived in a queue that
 * is watched, and every `beat` in any case. It takes all that is there, or
 * asks to be called again: an arrival is told by an empty queue only. */
struct kafkapoll *kafkapoll_new(
    struct loop *loop, dur_us_t beat, void (*serve)(void *arg), void *arg);
void kafkapoll_watch(struct kafkapoll *p, rd_kafka_queue_t *q);
/* Before a watched queue is destroyed. */
void kafkapoll_unwatch(rd_kafka_queue_t *q);
/* Calls `serve` once more. */
void kafkapoll_again(struct kafkapoll *p);
/* After the handle, whose threads write to it. `serve` is not called any
 * more. */
void kafkapoll_free(struct kafkapoll **p);
