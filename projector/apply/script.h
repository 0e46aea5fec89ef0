/* A chunk as a call of its script (common/cache/l2.h). */
#pragma once

#include "projector/apply/chunk.h"

#include "common/base/clock.h"
#include "common/redis/redis.h"

struct script; /* one that was sent */

/* Sends what is due for the partition. `ttl` is of the entries that are set;
 * the turn that was taken moves it by 10 % either way; `now` makes the
 * generation of a START. NULL: Redis does not take it now. Else `done` is
 * called once, later, unless it is forgotten; a NULL reply: it is not known
 * whether the script was done. */
struct script *script_send(struct redis *r, int32_t partition,
    const struct chunk *c, dur_us_t ttl, wall_us_t now, redis_done done,
    void *arg);
/* Its answer is not wanted any more; it may still be done. NULL is fine. */
void script_forget(struct script **s);

/* The chunk's expected answer, as 16 hex digits. */
bool script_was_applied(const struct chunk *c, const redisReply *reply);
