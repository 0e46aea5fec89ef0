/* The daemon: the group's partitions, from the log into Postgres. */
#pragma once

#include "writer/core/settings.h"

struct writer;

/* Everything that can be wrong with the configuration shows here. *out is to
 * be freed in any case. `emptying`: --drain. */
struct err writer_new(const struct config *config,
    const struct writer_settings *s, bool emptying, struct writer **out);
/* Runs until SIGTERM and the drain after it, until the log is empty (--drain),
 * or until the log turns out not to be the one of the settings. Returns an exit
 * code. */
int writer_run(struct writer *w);
void writer_free(struct writer **w);
