#include "api/list/pg_list.h"

#include "api/list/group_page.h"
#include "api/list/list_page.h"
#include "api/list/list_sql.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_pool.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/row_doc.h"
#include "common/sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ask {
	struct ask *next;
	struct list_query *query;
	pg_reader_done done;
	void *arg;
	mono_us_t since;
};

struct slot {
	struct pg_list *owner;
	struct pg *pg;
	struct ask *ask; /* in flight */
};

struct pg_list {
	struct pg_list_options o;
	char setup[256];
	struct pg_pool *pool;
	struct slot **slots; /* one for each connection */
	size_t nslots;
	struct ask *first, **last; /* pages that are not sent yet */
	size_t waiting;
	bool closing;
};

static void pg_list_go_on(struct pg_list *p);

/* --- answers ------------------------------------------------------------- */

static void pg_list_answer(
    struct ask *a, enum pg_reader_status status, struct value *v)
{
	list_query_unref(&a->query);
	a->done(a->arg, status, v);
	free(a);
}

static enum pg_reader_status pg_list_status_of(
    const struct pg_list *p, const struct ask *a, const struct err *e)
{
	if (e->kind == ERR_KIND_OK)
		return PG_READER_OK;
	if (strncmp(e->code, "22", 2) == 0)
		return PG_READER_REFUSED;
	/* 57014: the server cancelled it at its timeout, or an operator did. */
	bool late = clock_mono() - a->since >= p->o.timeout;
	return late || strcmp(e->code, "57014") == 0 ? PG_READER_LATE
						     : PG_READER_FAILED;
}

/* The results are those of send_ask, in its order. */
static struct value *pg_list_value(
    const struct ask *a, const struct pg_reply *reply, int32_t partitions)
{
	struct value *v = NULL;
	const struct list_query *q = a->query;
	version_t *as_of = list_page_vector(reply->results[0], partitions);
	if (as_of && q->group)
		v = group_page_make(q, reply->results + 1, as_of[q->partition]);
	else if (as_of && q->counts)
		v = list_page_make_count(
		    q, reply->results[1], as_of, partitions);
	else if (as_of)
		v = list_page_make(q, reply->results[1], as_of, partitions);
	if (v && q->totals)
		list_page_add_count(v, q, reply->results[2]);
	free(as_of);
	return v;
}

/* A group is answered as a whole, or not at all. */
static bool pg_list_is_too_large(const struct pg_list *p,
    const struct list_query *q, const struct value *v,
    const struct pg_reply *reply)
{
	return q->group && (!group_page_is_whole(q, reply->results + 1) ||
			       v->len > p->o.max_bytes);
}

static enum pg_reader_status pg_list_take(const struct pg_list *p,
    const struct ask *a, const struct pg_reply *reply, struct value **out)
{
	struct value *v = pg_list_value(a, reply, p->o.partitions);
	if (v == NULL)
		return PG_READER_FAILED; /* not migrated */
	if (pg_list_is_too_large(p, a->query, v, reply)) {
		value_unref(&v);
		return PG_READER_TOO_LARGE;
	}
	*out = v;
	return PG_READER_OK;
}

static void pg_list_on_reply(void *arg, const struct pg_reply *reply)
{
	struct slot *s = arg;
	struct pg_list *p = s->owner;
	struct ask *a = s->ask;
	struct value *v = NULL;
	enum pg_reader_status status = pg_list_status_of(p, a, &reply->err);
	s->ask = NULL;
	if (status == PG_READER_OK)
		status = pg_list_take(p, a, reply, &v);
	pg_list_answer(a, status, v);
	pg_list_go_on(p);
}

/* --- asking -------------------------------------------------------------- */

static struct pg_query query_of(const struct list_sql *s, struct pg_shape shape)
{
	return (struct pg_query){
	    .sql = s->sql.data,
	    .once = true,
	    .nparams = s->n,
	    .types = s->types,
	    .values = (const char *const *)s->values,
	    .lengths = s->lengths,
	    .formats = s->formats,
	    .result_format = 1,
	    .shape = shape,
	};
}

static bool send_ask(struct slot *s, const struct ask *a)
{
	struct pg_list *p = s->owner;
	const struct list_query *q = a->query;
	wall_us_t now = clock_wall();
	size_t parts = q->counts ? 0 : list_query_parts(q), n = 1;
	struct list_sql *rows = mem_zalloc((parts + 1) * sizeof *rows);
	struct list_sql count = {.n = 0};
	struct pg_query *queries = mem_zalloc((parts + 2) * sizeof *queries);
	queries[0] = pg_statement_query(&bookkeeping_progress_ordered);
	for (const struct list_query *of = q; n <= parts; of = of->also) {
		struct list_sql *sql = &rows[n - 1];
		list_sql_make(sql, of, p->o.max_bytes, now);
		queries[n++] = query_of(
		    sql, row_doc_shape(list_sql_shape(of), of->collection));
	}
	if (q->counts || q->totals) {
		list_sql_make_count(&count, q, now);
		queries[n++] = query_of(&count,
		    (struct pg_shape){.columns = list_sql_count_shape(q)});
	}
	bool sent = pg_submit(s->pg, queries, n, pg_list_on_reply, s);
	if (sent)
		metric_add(&p->o.metrics->page_queries, 1);
	for (size_t i = 0; i < parts; i++)
		list_sql_free(&rows[i]);
	list_sql_free(&count);
	free(rows);
	free(queries);
	return sent;
}

static struct slot *pg_list_free_slot(struct pg_list *p)
{
	for (size_t i = 0; i < p->nslots; i++) {
		if (p->slots[i]->ask == NULL && pg_ready(p->slots[i]->pg))
			return p->slots[i];
	}
	return NULL;
}

static void pg_list_add_slot(struct pg_list *p);

static struct ask *pg_list_take_first(struct pg_list *p)
{
	struct ask *a = p->first;
	p->first = a->next;
	if (p->first == NULL)
		p->last = &p->first;
	p->waiting--;
	return a;
}

static void pg_list_send_waiting(struct pg_list *p)
{
	struct slot *s;
	while (p->first && (s = pg_list_free_slot(p)) != NULL) {
		struct ask *a = p->first;
		s->ask = a;
		/* The connection was lost in between. The page keeps waiting,
		 * and pg_list_on_state follows. */
		if (!send_ask(s, a)) {
			s->ask = NULL;
			return;
		}
		pg_list_take_first(p);
	}
	if (p->first)
		pg_list_add_slot(p);
}

static void pg_list_fail_waiting(struct pg_list *p)
{
	while (p->first)
		pg_list_answer(pg_list_take_first(p), PG_READER_FAILED, NULL);
}

/* Answers pages that have waited too long; their requests have given up. */
static void drop_late(struct pg_list *p)
{
	while (p->first && clock_mono() - p->first->since >= p->o.timeout)
		pg_list_answer(pg_list_take_first(p), PG_READER_LATE, NULL);
}

static bool pg_list_connected(const struct pg_list *p)
{
	return !p->closing && pg_pool_ready(p->pool) > 0;
}

/* To be called when a connection was made, freed or lost. */
static void pg_list_go_on(struct pg_list *p)
{
	if (p->closing)
		return;
	drop_late(p);
	if (pg_list_connected(p))
		pg_list_send_waiting(p);
	else
		pg_list_fail_waiting(p);
}

static void pg_list_on_state(void *arg, bool ready)
{
	(void)ready;
	pg_list_go_on(arg);
}

/* --- life ---------------------------------------------------------------- */

static void pg_list_add_slot(struct pg_list *p)
{
	if (!pg_pool_grow(p->pool))
		return;
	struct slot *s = MEM_NEW(struct slot);
	s->owner = p;
	s->pg = pg_pool_at(p->pool, p->nslots);
	p->slots = mem_realloc(p->slots, (p->nslots + 1) * sizeof *p->slots);
	p->slots[p->nslots++] = s;
}

static void pg_list_open_pool(struct pg_list *p)
{
	const struct pg_pool_options o = {
	    .max = p->o.max,
	    .connection =
		{
		    .loop = p->o.loop,
		    .name = p->o.name,
		    .url = p->o.url,
		    .session = p->o.session,
		    .setup = p->setup,
		    .connect_timeout = CLOCK_S(3),
		    /* Longer than the server's own timeout. */
		    .query_timeout = p->o.timeout + CLOCK_S(1),
		    .state = pg_list_on_state,
		    .arg = p,
		},
	};
	p->pool = pg_pool_new(&o);
}

struct pg_list *pg_list_new(const struct pg_list_options *o)
{
	struct pg_list *p = MEM_NEW(struct pg_list);
	p->o = *o;
	p->last = &p->first;
	snprintf(p->setup, sizeof p->setup,
	    SQL_SESSION "; SET default_transaction_isolation = "
			"'repeatable read'; SET statement_timeout = %lld",
	    (long long)(o->timeout / 1000));
	pg_list_open_pool(p);
	pg_list_add_slot(p);
	return p;
}

bool pg_list_get(
    struct pg_list *p, struct list_query *q, pg_reader_done done, void *arg)
{
	if (p->waiting >= p->o.max_waiting || !pg_list_connected(p))
		return false;
	struct ask *a = MEM_NEW(struct ask);
	*a = (struct ask){
	    .query = list_query_ref(q), done, arg, .since = clock_mono()};
	*p->last = a;
	p->last = &a->next;
	p->waiting++;
	pg_list_send_waiting(p);
	return true;
}

void pg_list_free(struct pg_list **pp)
{
	struct pg_list *p = *pp;
	if (p == NULL)
		return;
	p->closing = true;
	pg_pool_free(&p->pool);
	for (size_t i = 0; i < p->nslots; i++)
		free(p->slots[i]);
	pg_list_fail_waiting(p);
	free(p->slots);
	free(p);
	*pp = NULL;
}
