/* Taking partitions: from the assignment to the offset to begin at.
 *
 * One at a time, for any number of partitions.
 */
#pragma once

#include "writer/core/context.h"
#include "writer/decide/announced.h"
#include "writer/decide/dedup.h"

struct takeover;

struct taken {
	int32_t partition;
	version_t watermark;	/* Postgres's: where to begin */
	struct dedup producers; /* and how far they were there */
	/* Up to where outcomes were told, and which; NULL: not beyond the
	 * watermark. */
	version_t told;
	struct announced *outcomes;
};

/* May take the producers and the outcomes away. */
typedef void (*takeover_done)(void *arg, struct taken *taken, size_t n);

struct err takeover_new(
    struct context *x, takeover_done done, void *arg, struct takeover **out);
/* `done` is called once, later, unless stopped; never gives up. */
void takeover_start(struct takeover *t, const int32_t *partitions, size_t n);
void takeover_stop(struct takeover *t);
bool takeover_running(const struct takeover *t);
/* What it waits for, for people; "" when it does not run. */
const char *takeover_waits_for(const struct takeover *t);
void takeover_free(struct takeover **t);
