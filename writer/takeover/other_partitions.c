#include "writer/takeover/other_partitions.h"

#include "common/base/mem.h"
#include "common/sql/bookkeeping.h"
#include "writer/core/pg_request.h"
#include "writer/startup/log_offsets.h"

#include <stdlib.h>

struct other_partitions {
	struct context *x;
	int32_t partition;
	int32_t n; /* partitions */
	version_t *wanted;
	bool known; /* what is wanted */
	bool there;
	struct log_offsets *ends;
	struct pg_request *ask;
};

static void other_partitions_on_progress(
    void *arg, const struct pg_reply *reply)
{
	struct other_partitions *o = arg;
	int32_t behind = o->n - 1;
	o->ask = NULL;
	if (reply->err.kind != ERR_KIND_OK)
		return;
	const PGresult *r = reply->results[0];
	for (int row = 0; row < PQntuples(r); row++) {
		int32_t p = pg_int4(r, row, 0);
		version_t at = (version_t)pg_int8(r, row, 1);
		if (p < o->n && p != o->partition && at >= o->wanted[p])
			behind--;
	}
	o->there = behind <= 0;
}

static void other_partitions_on_ends(
    void *arg, const struct err *e, const struct log_offsets_of *list, size_t n)
{
	struct other_partitions *o = arg;
	o->ends = NULL;
	o->known = e->kind == ERR_KIND_OK;
	for (size_t i = 0; i < n && o->known; i++)
		o->wanted[list[i].partition] =
		    version_make(o->x->epoch, list[i].high);
	if (o->known)
		other_partitions_ask(o);
}

static void other_partitions_ask_ends(struct other_partitions *o)
{
	int32_t *all = mem_alloc((size_t)o->n * sizeof *all);
	for (int32_t p = 0; p < o->n; p++)
		all[p] = p;
	if (o->ends == NULL)
		o->ends = log_offsets_ask(
		    o->x, all, (size_t)o->n, other_partitions_on_ends, o);
	free(all);
}

static void other_partitions_ask_progress(struct other_partitions *o)
{
	const struct pg_query q = pg_statement_query(&bookkeeping_progress);
	if (o->ask == NULL)
		o->ask = pg_request_submit(
		    o->x->pool, &q, 1, other_partitions_on_progress, o);
}

void other_partitions_ask(struct other_partitions *o)
{
	if (o->there)
		return;
	if (o->known)
		other_partitions_ask_progress(o);
	else
		other_partitions_ask_ends(o);
}

struct other_partitions *other_partitions_new(
    struct context *x, int32_t partition)
{
	struct other_partitions *o = MEM_NEW(struct other_partitions);
	o->x = x;
	o->partition = partition;
	o->n = (int32_t)x->settings->common.partitions;
	o->wanted = mem_zalloc((size_t)o->n * sizeof *o->wanted);
	return o;
}

bool other_partitions_are_there(const struct other_partitions *o)
{
	return o->there;
}

void other_partitions_free(struct other_partitions **op)
{
	struct other_partitions *o = *op;
	if (o == NULL)
		return;
	log_offsets_cancel(&o->ends);
	pg_request_cancel(&o->ask);
	free(o->wanted);
	free(o);
	*op = NULL;
}
