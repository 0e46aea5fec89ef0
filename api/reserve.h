/* Reserving integer keys in Postgres, for all threads (api/ids.h). */
#pragma once

#include "api/worker.h"

/* Asks for more if they are due and nobody does; from the worker's thread. */
void reserve_ids(struct worker *w, const struct collection *c);
/* The worker's timer: the same for every collection, ahead of need. */
void reserve_all(struct worker *w);
