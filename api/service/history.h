/* What happened in this instance in the last minutes (pure core): a ring of
 * points, each made of the counters at two times. api/service/history.def
 * declares the series. The memory is fixed: HISTORY_POINTS points of a float
 * for each series.
 */
#pragma once

#include "api/core/metrics.h"
#include "common/base/buf.h"
#include "common/base/clock.h"

#include <stdint.h>

enum { HISTORY_STEP_S = 5, HISTORY_POINTS = 15 * 60 / HISTORY_STEP_S };

/* The counters of the instance at one time. */
struct history_totals {
	struct api_metrics metrics; /* summed over the threads */
	/* What the instance knows of the log; -1: unknown. */
	struct history_log {
		metric_t decided, rejected; /* writes, ever */
		metric_t backlog;	    /* writes that wait */
		metric_t stalled_s;	    /* without a commit, with writes */
		/* Writes that the stores do not have, and for how long. */
		metric_t redis_behind, replica_behind;
		metric_t redis_lag_s, replica_lag_s;
		metric_t apis, writers, projectors; /* instances */
	} log;
};

struct history;

/* Returns owned. */
struct history *history_new(void);
void history_free(struct history **h);
/* Adds to each metric of `sums` that of `one`, histograms included. */
void history_sum(struct api_metrics *sums, const struct api_metrics *one);
/* Adds a point: from the totals of the call before to these. The first call
 * adds none. `wall`: the time of these totals; `now`: the same, monotonic. One
 * thread. */
void history_add(struct history *h, const struct history_totals *totals,
    wall_us_t wall, mono_us_t now);
/* Appends `"times":[…],"series":{…}`: the points that are newer than `after`,
 * the oldest first. Times are in milliseconds. Any thread. */
void history_write(struct history *h, wall_us_t after, struct buf *out);
