/* Rejected writes: listing, requeueing and discarding them. */
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
/* Call it before the pool is freed. After it, no message is at the broker. */
void rejections_close(struct rejections *r);
/* Call it after the pool is freed, because the pool's last answers come here.
 */
void rejections_free(struct rejections **r);
