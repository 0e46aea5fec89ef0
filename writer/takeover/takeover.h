/* Taking partitions: from the assignment to the offset to begin at.
 *
 * One takeover runs at a time. It takes any number of partitions.
 */
#pragma once

#include "writer/core/context.h"
#include "writer/decide/announced.h"
#include "writer/decide/dedup.h"

struct takeover;

struct taken {
	int32_t partition;
	version_t watermark;	/* Postgres's: where to begin */
	struct dedup producers; /* how far each was at that watermark */
	/* Outcomes were announced up to `told`. `outcomes`: those above the
	 * watermark; NULL: none. */
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
/* What it waits for, for people; "": it does not run. */
const char *takeover_waits_for(const struct takeover *t);
void takeover_free(struct takeover **t);
