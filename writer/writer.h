/* The daemon: applies the partitions that its group assigns to Postgres. */
#pragma once

#include "writer/core/settings.h"

struct writer;

/* Checks the whole configuration. *out must be freed in any case. `emptying`:
 * --drain. */
struct err writer_new(const struct config *config,
    const struct writer_settings *s, bool emptying, struct writer **out);
/* Runs until the drain after SIGTERM is over, until the log is applied
 * (--drain), or until an error stops it. Returns an exit code. */
int writer_run(struct writer *w);
void writer_free(struct writer **w);
