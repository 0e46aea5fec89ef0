/* The queues of a librdkafka handle on a loop. */
#pragma once

#include "common/base/loop.h"

#include <librdkafka/rdkafka.h>

struct kafka_poll;

/* Calls `serve` on the loop, soon after something has arrived in a watched
 * queue, and every `beat` in any case. `serve` must empty the queue or call
 * kafka_poll_again: librdkafka reports an arrival only if the queue was
 * empty. */
struct kafka_poll *kafka_poll_new(
    struct loop *loop, dur_us_t beat, void (*serve)(void *arg), void *arg);
void kafka_poll_watch(struct kafka_poll *p, rd_kafka_queue_t *q);
/* Before a watched queue is destroyed. */
void kafka_poll_unwatch(rd_kafka_queue_t *q);
/* Calls `serve` once more. */
void kafka_poll_again(struct kafka_poll *p);
/* Call it after the handle is destroyed, because the handle's threads write to
 * it. `serve` is not called any more. */
void kafka_poll_free(struct kafka_poll **p);
