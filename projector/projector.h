/* The daemon: the group's partitions of sluice.commits, into Redis. */
#pragma once

#include "projector/core/settings.h"

struct projector;

/* Everything that can be wrong with the configuration shows here. *out is to
 * be freed in any case. */
struct err projector_new(const struct config *config,
    const struct projector_settings *s, struct projector **out);
/* Runs until SIGTERM and the drain after it. Returns an exit code. */
int projector_run(struct projector *p);
void projector_free(struct projector **p);
