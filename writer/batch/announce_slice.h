/* Announces a committed slice on sluice.commits. */
#pragma once

#include "writer/batch/plan.h"
#include "writer/core/context.h"

/* Announces what the slice, the k-th of the plan, did: its rows, then its mark.
 * The results of the plan are read (plan_results). */
void announce_slice(struct context *x, const struct slice *s,
    const struct batch_plan *plan, size_t k);
