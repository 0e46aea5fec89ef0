#include "writer/takeover/other_partitions.h"

#include "common/base/mem.h"
#include "common/postgres/pg_params.h"
#include "writer/batch/pg_request.h"
#include "writer/startup/log_offsets.h"

#include <stdlib.h>

struct others {
	struct context *x;
	int32_t partition;
	int32_t n; /* partitions */
	version_t *wanted;
	bool known; /* what is wanted */
	bool there;
	struct ends *ends;
	struct ask *ask;
};

static const char sql[] =
    "SELECT \"partition\", next_offset FROM sluice.progress";

static void on_progress(void *arg, const struct pg_reply *reply)
{
	struct others *o = arg;
	int32_t behind = o->n - 1;
	o->ask = NULL;
	if (reply->err.verdict != VERDICT_OK)
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

static void on_ends(
    void *arg, const struct err *e, const struct ends_of *list, size_t n)
{
	struct others *o = arg;
	o->ends = NULL;
	o->known = e->verdict == VERDICT_OK;
	for (size_t i = 0; i < n && o->known; i++)
		o->wanted[list[i].partition] =
		    version_make(o->x->epoch, list[i].high);
	if (o->known)
		others_ask(o);
}

static void ask_ends(struct others *o)
{
	int32_t *all = mem_alloc((size_t)o->n * sizeof *all);
	for (int32_t p = 0; p < o->n; p++)
		all[p] = p;
	if (o->ends == NULL)
		o->ends = ends_ask(o->x, all, (size_t)o->n, on_ends, o);
	free(all);
}

static void ask_progress(struct others *o)
{
	struct call c = {.sql = sql, .shape.columns = "pv"};
	const struct pg_query q = call_query(&c);
	if (o->ask == NULL)
		o->ask = ask_submit(o->x->pool, &q, 1, on_progress, o);
	call_free(&c);
}

void others_ask(struct others *o)
{
	if (o->there)
		return;
	if (o->known)
		ask_progress(o);
	else
		ask_ends(o);
}

struct others *others_new(struct context *x, int32_t partition)
{
	struct others *o = MEM_NEW(struct others);
	o->x = x;
	o->partition = partition;
	o->n = (int32_t)x->settings->common.partitions;
	o->wanted = mem_zalloc((size_t)o->n * sizeof *o->wanted);
	return o;
}

bool others_are_there(const struct others *o)
{
	return o->there;
}

void others_free(struct others **op)
{
	struct others *o = *op;
	if (o == NULL)
		return;
	ends_cancel(&o->ends);
	ask_cancel(&o->ask);
	free(o->wanted);
	free(o);
	*op = NULL;
}
