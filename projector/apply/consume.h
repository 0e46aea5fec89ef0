/* Adds a message of sluice.commits to a chunk. */
#pragma once

#include "projector/apply/chunk.h"
#include "projector/audit/audit.h"
#include "projector/core/stats.h"

#include "common/trace/tracer.h"

/* Borrows the message. A message that Sluice did not write is logged and passed
 * over. `a` and `t` may be NULL. */
void hear(struct chunk *c, struct stats *s, struct audit *a, struct tracer *t,
    const rd_kafka_message_t *m);
