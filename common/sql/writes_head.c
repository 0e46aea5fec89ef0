/* Kafka's ends are read before Postgres is asked. So the epoch is at least as
 * new as the ends.
 */
#include "common/sql/writes_head.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/postgres/pg_binary.h"
#include "common/sql/bookkeeping.h"

#include <stdlib.h>
#include <string.h>

struct writes_head {
	struct pg *pg;
	int32_t partitions;
	writes_head_done done;
	void *arg;
	bool busy;
	bool ended;    /* freed by the answer */
	bool migrated; /* the tables are there */
	int64_t *ends;
	version_t *heads, *applied;
};

enum { EPOCH, PARTITION, NEXT };

static void destroy(struct writes_head *h)
{
	free(h->ends);
	free(h->heads);
	free(h->applied);
	free(h);
}

static void writes_head_tell(
    struct writes_head *h, const struct writes_head_answer *answer)
{
	h->busy = false;
	if (h->ended)
		destroy(h);
	else
		h->done(h->arg, answer);
}

static void take_row(struct writes_head *h, const PGresult *r, int row)
{
	int32_t p = pg_int4(r, row, PARTITION);
	version_t next = (version_t)pg_int8(r, row, NEXT);
	uint32_t epoch = (uint32_t)pg_int4(r, row, EPOCH);
	if (p >= h->partitions)
		return; /* of a larger log, before */
	version_t end = version_make(epoch, h->ends[p]);
	h->applied[p] = next;
	h->heads[p] = end > next ? end : next;
}

/* The numbers of both servers are foreign. */
static bool is_sound(const struct writes_head *h, const PGresult *r)
{
	int32_t found = 0;
	for (int row = 0; row < PQntuples(r); row++) {
		int32_t epoch = pg_int4(r, row, EPOCH);
		int32_t p = pg_int4(r, row, PARTITION);
		if (epoch < 0 || epoch > VERSION_EPOCH_MAX)
			return false;
		if (p >= h->partitions)
			continue;
		if (h->ends[p] < 0 || h->ends[p] > version_offset(VERSION_MAX))
			return false;
		found++;
	}
	return found == h->partitions;
}

static void writes_head_on_told(void *arg, const struct pg_reply *reply)
{
	struct writes_head *h = arg;
	const struct writes_head_answer answer = {h->heads, h->applied};
	bool told =
	    reply->err.kind == ERR_KIND_OK && is_sound(h, reply->results[0]);
	h->migrated = reply->err.kind == ERR_KIND_OK;
	for (int row = 0; told && row < PQntuples(reply->results[0]); row++)
		take_row(h, reply->results[0], row);
	writes_head_tell(h, told ? &answer : NULL);
}

static bool writes_head_ask_log(struct writes_head *h)
{
	const struct pg_query q =
	    pg_statement_query(&bookkeeping_epoch_and_progress);
	return pg_submit(h->pg, &q, 1, writes_head_on_told, h);
}

static void writes_head_on_migrated(void *arg, const struct pg_reply *reply)
{
	struct writes_head *h = arg;
	h->migrated = reply->err.kind == ERR_KIND_OK &&
		      *PQgetvalue(reply->results[0], 0, 0);
	if (h->ended || !h->migrated || !writes_head_ask_log(h))
		writes_head_tell(h, NULL);
}

struct writes_head *writes_head_new(
    struct pg *pg, int32_t partitions, writes_head_done done, void *arg)
{
	struct writes_head *h = MEM_NEW(struct writes_head);
	size_t n = (size_t)partitions;
	h->pg = pg;
	h->partitions = partitions;
	h->done = done;
	h->arg = arg;
	h->ends = mem_zalloc(n * sizeof *h->ends);
	h->heads = mem_zalloc(n * sizeof *h->heads);
	h->applied = mem_zalloc(n * sizeof *h->applied);
	return h;
}

bool writes_head_is_busy(const struct writes_head *h)
{
	return h->busy;
}

bool writes_head_ask(struct writes_head *h, const int64_t *ends)
{
	CHECK(!h->busy);
	const struct pg_query migrated =
	    pg_statement_query(&bookkeeping_migrated);
	memcpy(h->ends, ends, (size_t)h->partitions * sizeof *ends);
	h->busy = h->migrated ? writes_head_ask_log(h)
			      : pg_submit(h->pg, &migrated, 1,
				    writes_head_on_migrated, h);
	return h->busy;
}

void writes_head_free(struct writes_head **hp)
{
	struct writes_head *h = *hp;
	if (h == NULL)
		return;
	h->ended = true;
	if (!h->busy)
		destroy(h);
	*hp = NULL;
}
