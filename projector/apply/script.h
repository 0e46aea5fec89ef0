/* Sends a chunk to Redis as a call of its script (common/cache/l2.h). */
#pragma once

#include "projector/apply/chunk.h"

#include "common/base/clock.h"
#include "common/redis/redis.h"

struct script; /* one that was sent */

/* Sends the script that is due. `ttl` is that of the entries that it sets,
 * varied by +-10 % by the turn; `now` makes the generation of a START. NULL:
 * Redis cannot be asked now. Otherwise `done` is called once, later, unless the
 * script is forgotten. A NULL reply: it is not known whether the script was
 * executed. */
struct script *script_send(struct redis *r, int32_t partition,
    const struct chunk *c, dur_us_t ttl, wall_us_t now, redis_done done,
    void *arg);
/* Ignores its answer; Redis may still execute it. NULL is fine. */
void script_forget(struct script **s);

/* Is the reply the watermark that the chunk expects, as 16 hex digits? */
bool script_was_applied(const struct chunk *c, const redisReply *reply);
