#include "api/write/id_reserve.h"

#include "api/commits/epoch.h"
#include "api/core/request.h"
#include "api/read/pg_reader.h"
#include "api/write/id_blocks.h"
#include "api/write/id_tail.h"
#include "api/write/schema_ready.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/log/record.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_params.h"
#include "common/postgres/sqlstate.h"
#include "common/sql/sql_table.h"

#include <inttypes.h>
#include <stdlib.h>

#define AGAIN CLOCK_MS(200)
/* Pause if the table is missing, or is not as declared. */
#define UNMIGRATED CLOCK_S(10)
/* Pause if Kafka did not return a record. */
#define UNHEARD CLOCK_S(1)

/* Maximum of questions in a row whose ids were all taken. */
enum { MOST_QUESTIONS = 32 };

struct asked {
	struct thread *t;
	const struct collection *c;
	unsigned blocks;
	unsigned questions;
	int64_t lowest; /* blocks must not begin below it */
};

static bool id_reserve_ask(const struct asked *asked);

static void on_arrived(void *arg)
{
	request_keys(arg);
}

static void wake_all(struct instance *instance)
{
	for (size_t i = 0; i < instance->nthreads; i++)
		loop_post(instance->threads[i]->loop, on_arrived,
		    instance->threads[i]);
}

static void give_up(const struct asked *a, dur_us_t pause)
{
	id_blocks_asked(a->t->instance->ids, a->c->index, pause, clock_mono());
}

/* --- the answer ----------------------------------------------------------- */

static void id_reserve_fail(
    const struct asked *a, const char *code, const char *text)
{
	if (!atomic_load(&a->t->instance->draining))
		log_event(EV_IDS_FAILED, "collection=%s code=%s error=%s",
		    a->c->name, code, log_quote(text));
}

/* Finds the largest number of blocks, up to a->blocks, that are known to be
 * rowless. */
static bool find_rowless(const struct asked *a, struct id_range *r)
{
	for (unsigned blocks = a->blocks; blocks > 0; blocks /= 2) {
		if (id_log_next(
			a->t->instance->id_log, a->c->index, blocks, r) &&
		    record_ids_fit(r->first, r->end - r->first))
			return true;
	}
	return false;
}

/* Claims ids without an answer from Postgres. */
static void id_reserve_go_without(const struct asked *a)
{
	struct id_range r;
	if (find_rowless(a, &r) &&
	    id_tail_claim(a->t->instance->id_tail, a->c, &r, 1))
		metric_add(&a->t->metrics->ids_alone, 1);
	else
		give_up(a, AGAIN);
}

/* Adds a range; joins it with the last one if they are adjacent. */
static void id_reserve_join(
    struct id_range *ranges, size_t *n, struct id_range r)
{
	struct id_range *last = *n ? &ranges[*n - 1] : NULL;
	if (last && last->end == r.first &&
	    record_ids_fit(last->first, r.end - last->first))
		last->end = r.end;
	else
		ranges[(*n)++] = r;
}

/* Returns the number of free ranges in the answer. If none is free, a->lowest
 * is where to ask next. */
static size_t read_ranges(struct asked *a, const PGresult *rows,
    struct id_range ranges[ID_LOG_CLAIMS])
{
	struct id_log *log = a->t->instance->id_log;
	size_t n = 0;
	for (int i = 0; i < PQntuples(rows) && n < ID_LOG_CLAIMS; i++) {
		int64_t first = pg_int8(rows, i, 0),
			block = pg_int8(rows, i, 1);
		if (!record_ids_fit(first, block))
			continue;
		struct id_range r = {first, first + block};
		id_log_told(log, a->c->index,
		    (struct id_range){first, pg_int8(rows, i, 2)}, block);
		if (id_log_is_free(log, a->c->index, r, &a->lowest))
			id_reserve_join(ranges, &n, r);
	}
	return n;
}

/* The sequence is behind the topic: asks again, from a->lowest on. */
static void ask_again(struct asked *a)
{
	if (a->questions == 1)
		log_event(EV_IDS_BEHIND, "collection=%s next=%" PRId64,
		    a->c->name, a->lowest);
	if (a->questions >= MOST_QUESTIONS || !id_reserve_ask(a))
		give_up(a, AGAIN);
}

static void id_reserve_take(struct asked *a, const PGresult *rows)
{
	struct id_range ranges[ID_LOG_CLAIMS];
	int64_t before = a->lowest;
	size_t n = read_ranges(a, rows, ranges);
	if (n == 0 && a->lowest != before) {
		ask_again(a);
	} else if (n == 0) {
		id_reserve_fail(a, "ids", "the sequence returned no keys");
		give_up(a, UNMIGRATED);
	} else if (!id_tail_claim(a->t->instance->id_tail, a->c, ranges, n)) {
		id_reserve_fail(a, "queue", "the record was not appended");
		give_up(a, AGAIN);
	}
}

static void id_reserve_on_reply(void *arg, const struct pg_reply *reply)
{
	struct asked a = *(struct asked *)arg;
	const struct err *e = &reply->err;
	free(arg);
	if (e->kind == ERR_KIND_OK) {
		id_reserve_take(&a, reply->results[0]);
		return;
	}
	bool unmigrated = sqlstate_is_unmigrated(e->code);
	id_reserve_fail(&a, e->code, e->msg);
	if (e->kind == ERR_KIND_RETRY && !unmigrated)
		id_reserve_go_without(&a);
	else
		give_up(&a, unmigrated ? UNMIGRATED : AGAIN);
}

/* --- the question --------------------------------------------------------- */

static bool id_reserve_ask(const struct asked *asked)
{
	struct buf sql = {0};
	struct asked *a = MEM_NEW(struct asked);
	*a = *asked;
	a->questions++;
	sql_table_reserve(&sql, a->c);
	struct pg_params call = {.sql = sql.data, .shape.columns = "888"};
	pg_params_int4(&call, (int32_t)a->blocks);
	pg_params_int8(&call, (uint64_t)a->lowest);
	const struct pg_query q = pg_params_query(&call);
	bool sent = pg_reader_query(a->t->primary, &q, id_reserve_on_reply, a);
	pg_params_free(&call);
	if (!sent)
		free(a);
	buf_free(&sql);
	return sent;
}

void id_reserve_ids(struct thread *t, const struct collection *c)
{
	if (!id_tail_ready(t->instance->id_tail))
		return;
	const struct asked a = {
	    .t = t,
	    .c = c,
	    .blocks = id_blocks_want(t->instance->ids, c->index, clock_mono()),
	    .lowest = INT64_MIN,
	};
	if (a.blocks > 0 && !id_reserve_ask(&a))
		id_reserve_go_without(&a);
}

void id_reserve_all(struct thread *t)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (c->key == KEY_INTEGER && epoch_known(t->instance->epoch) &&
		    !schema_ready_misses(t->instance->migrated, c))
			id_reserve_ids(t, c);
	}
}

/* --- the record ----------------------------------------------------------- */

void id_reserve_mine(void *arg, const struct collection *c, struct id_range ids)
{
	struct instance *instance = arg;
	metric_add(&instance->metrics[0].ids_taken, ids.end - ids.first);
	int64_t block = id_log_block(instance->id_log, c->index);
	CHECK(block > 0); /* Postgres answered before anything was claimed */
	while (ids.first < ids.end) {
		int64_t n = ids.end - ids.first;
		n = n < block ? n : block;
		id_blocks_add(instance->ids, c->index, ids.first, n);
		ids.first += n;
	}
}

void id_reserve_ended(void *arg, const struct collection *c, bool late)
{
	struct instance *instance = arg;
	if (late && !atomic_load(&instance->draining))
		log_event(EV_IDS_FAILED,
		    "collection=%s code=unheard error=\"the record in the "
		    "log of ids was not read back\"",
		    c->name);
	id_blocks_asked(
	    instance->ids, c->index, late ? UNHEARD : 0, clock_mono());
	wake_all(instance);
}
