/* What the modules of a plan share: from writes to statements (plan.c), and
 * from results to outcomes (plan_results.c).
 */
#pragma once

#include "writer/batch/plan.h"

#include "common/postgres/pg_params.h"

enum kind { KIND_OTHER, KIND_ERASE, KIND_UPSERT, KIND_TOUCH };

struct step {
	enum kind kind;
	const struct collection *collection;
	/* Its only change, and the slice of it. NULL: changes of all slices. */
	const struct fold_change *change;
	size_t slice;
	int64_t share; /* of touched rows: bytes that each may have */
	struct pg_params call;
};

/* The result of a change. */
struct row {
	bool existed;	   /* before; of a change that does not read */
	const PGresult *r; /* NULL: no row came back */
	int at;
	bool cut; /* it came without its large fields */
};

struct planned {
	struct verdicts verdicts;
	struct row *rows; /* one per change */
};

struct batch_plan {
	const struct statements *statements;
	struct planned *slices;
	size_t n;
	struct fold_change *alone; /* in a trial: changes of one write */
	size_t nalone;
	struct step *steps;
	size_t nsteps;
	bool may_insert; /* PLAN_INSERTS */
	bool inserts;	 /* it has plain inserts */
};

static inline const struct fold *fold_of(
    const struct batch_plan *p, size_t slice)
{
	return &p->slices[slice].verdicts.fold;
}
