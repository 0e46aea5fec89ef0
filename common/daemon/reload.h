/* What SIGHUP makes a daemon read again: a table of things, each with a name
 * and a function.
 *
 * A thing that cannot be taken stays as it was, and the daemon stays ready: the
 * former one works. The log, a metric and /readyz tell about it until a later
 * reload takes it.
 *
 * On the main loop. */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/metrics.h"

#include <stdbool.h>

struct reload;

/* Reads the thing again. OK: it is in use; *changed (false before) says whether
 * it is another one than before. Otherwise the error says what is wrong, and
 * what it names has not changed. With an error and *changed, the rest is in
 * use. */
typedef struct err (*reload_fn)(void *arg, bool *changed);

/* Of the daemon's metrics (common/daemon/metrics.def). Borrowed. */
struct reload_counters {
	metric_t *done, *unchanged, *failed, *stale;
};
#define RELOAD_COUNTERS(m)                                                     \
	((struct reload_counters){&(m)->reload_done, &(m)->reload_unchanged,   \
	    &(m)->reload_failed, &(m)->reload_stale})

struct reload *reload_new(struct reload_counters m);
/* Adds a thing; they are read in the order in which they were added. Borrows
 * the name. */
void reload_add(struct reload *r, const char *name, reload_fn read, void *arg);
void reload_all(struct reload *r);
/* Appends a line for each thing whose last reload failed. */
void reload_notes(const struct reload *r, struct buf *out);
void reload_free(struct reload **r);
