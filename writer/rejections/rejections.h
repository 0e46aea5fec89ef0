/* Rejected writes, to be looked at and repaired. */
#pragma once

#include "writer/core/context.h"

#include "common/daemon/admin.h"

struct rejections;

struct rejections *rejections_new(struct context *x);
/* Each answers the exchange, now or later. `collection`: "" for all. */
void rejections_list(
    struct rejections *r, const char *collection, struct admin_exchange *x);
void rejections_requeue(
    struct rejections *r, struct position at, struct admin_exchange *x);
void rejections_discard(
    struct rejections *r, struct position at, struct admin_exchange *x);
/* Before the pool: nothing is at the broker any more. */
void rejections_close(struct rejections *r);
/* After the pool, whose last answers come here. */
void rejections_free(struct rejections **r);
