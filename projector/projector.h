/* The daemon: applies the partitions of sluice.commits that its group assigns
 * to Redis. */
#pragma once

#include "projector/core/settings.h"

struct projector;

/* Checks the whole configuration. *out must be freed in any case. */
struct err projector_new(const struct config *config,
    const struct projector_settings *s, struct projector **out);
/* Runs until the drain after SIGTERM is over. Returns an exit code. */
int projector_run(struct projector *p);
void projector_free(struct projector **p);
